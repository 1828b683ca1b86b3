use super::*;

fn body(random: &mut fastrand::Rng) -> String {
    (0..42).map(|_| random.alphanumeric()).collect()
}

fn keys(bytes: &[u8]) -> Vec<KeyFound> {
    let mut found = Vec::new();
    Detector::new().scan(bytes, &mut |f| {
        if let Found::Key(key) = f {
            found.push(key);
        }
    });
    found
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for group in bytes.chunks(3) {
        let value = group.iter().fold(0u32, |v, b| (v << 8) | u32::from(*b)) << (8 * (3 - group.len()));
        for at in 0..=group.len() {
            out.push(ALPHABET[(value >> (18 - 6 * at)) as usize & 63]);
        }
        out.extend(std::iter::repeat_n(b'=', 3 - group.len()));
    }
    out
}

#[test]
fn every_key_in_every_encoding_and_context_is_found_where_it_stands() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let befores = ["", "KEY=", "\"", "x\ny\n  k: ", "\\n", "%3D", "2", "A", "é", "\0", "a=b&c=", "\u{feff}", "C:\\\\n"];
    let behinds = ["", "\"", "\n", "*", ",x", ")", "}", "&b=c", "<br>", "\\n", "%3D", "\0", "é", "_", "-"];
    for _ in 0..3000 {
        let text = format!("sk_{}_{}", random.choice(["live", "test"]).unwrap(), body(&mut random));
        let before = random.choice(befores).unwrap().to_owned();
        let behind = random.choice(behinds).unwrap();
        let plain = format!("{before}{text}{behind}");
        let line = before.matches('\n').count() as u64 + 1;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        // Raw.
        let found = keys(plain.as_bytes());
        assert_eq!(found.len(), 1, "raw {plain:?}");
        assert_eq!(found[0].key.expose(), text.as_bytes());
        assert_eq!(found[0].span, Span { start: before.len(), end: before.len() + text.len() });
        assert_eq!((found[0].line, found[0].column), (Some(line), Some((before.len() - line_start) as u64 + 1)));
        // UTF-16, both orders, at any offset.
        for little in [true, false] {
            let encode = |text: &str| -> Vec<u8> {
                text.encode_utf16().flat_map(|u| if little { u.to_le_bytes() } else { u.to_be_bytes() }).collect()
            };
            // A stray byte before big-endian text, or a NUL of the text's own at an odd byte, could be either's.
            let shift = if random.bool() || plain.contains('\0') {
                0
            } else if little {
                1
            } else {
                2
            };
            let mut bytes = vec![0xee; shift];
            let lead = encode(&format!("é {before}"));
            bytes.extend(&lead);
            bytes.extend(encode(&format!("{text}{behind} é")));
            let found = keys(&bytes);
            assert_eq!(found.len(), 1, "utf-16 {little} {shift} {plain:?}");
            assert_eq!(found[0].key.expose(), text.as_bytes());
            let name = if little { "utf-16le" } else { "utf-16be" };
            assert_eq!(*found[0].encoding, [Step::Undone(name)], "{plain:?} {shift}");
            assert_eq!(found[0].span, Span { start: shift + lead.len(), end: shift + lead.len() + text.len() * 2 });
            assert_eq!(found[0].line, Some(line));
        }
        // Base64, every alignment, both alphabets, padded or not, in a text of its own.
        let mut encoded = base64(plain.as_bytes());
        if random.bool() {
            encoded.iter_mut().for_each(|b| {
                *b = match *b {
                    b'+' => b'-',
                    b'/' => b'_',
                    other => other,
                }
            });
        }
        if random.bool() {
            encoded.retain(|b| *b != b'=');
        }
        let outer = [b"data:\n  k: ".as_slice(), &encoded, b"\n"].concat();
        let found = keys(&outer);
        assert_eq!(found.len(), 1, "base64 of {plain:?}");
        assert_eq!(found[0].key.expose(), text.as_bytes());
        assert_eq!(*found[0].encoding, [Step::Undone("base64")]);
        let start = 11 + before.len() * 4 / 3;
        assert_eq!(found[0].span.start, start);
        assert_eq!((found[0].line, found[0].column), (Some(2), Some(start as u64 - 5)));
    }
}

#[test]
fn words_that_end_like_a_prefix_hold_no_key() {
    let mut random = fastrand::Rng::with_seed(1);
    for word in ["ta", "ri", "di", "ma"] {
        assert!(keys(format!("x={word}sk_test_{}", body(&mut random)).as_bytes()).is_empty());
    }
}

#[test]
fn random_bytes_hold_none() {
    let mut random = fastrand::Rng::with_seed(2);
    let bytes: Vec<u8> = (0..4 << 20).map(|_| random.u8(..)).collect();
    let mut found = 0;
    Detector::new().scan(&bytes, &mut |_| found += 1);
    assert_eq!(found, 0);
}

#[test]
fn masking_leaves_no_key_in_any_encoding_and_keeps_the_rest() {
    let mut random = fastrand::Rng::with_seed(3);
    let detector = Detector::new();
    for _ in 0..500 {
        let text = format!("sk_live_{}", body(&mut random));
        let stripe = format!("sk_test_{}", &body(&mut random)[..24]);
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let plain = [
            b"a/".as_slice(),
            text.as_bytes(),
            b"/b ",
            stripe.as_bytes(),
            b" ",
            &wide,
            b" ",
            &base64(text.as_bytes()),
            b" end",
        ]
        .concat();
        let shown = detector.mask(&plain);
        let shown = shown.as_str();
        assert!(shown.starts_with("a/sk_live_") && shown.ends_with(" end"), "{shown}");
        assert!(!shown.contains(&text[12..46]) && !shown.contains(&stripe[12..28]), "{shown}");
        assert!(keys(shown.as_bytes()).is_empty(), "{shown}");
        assert!(!shown.contains(std::str::from_utf8(&base64(text.as_bytes())[12..40]).unwrap()), "{shown}");
    }
}

#[test]
fn masking_hides_a_secret_whatever_stands_behind_it_as_an_escape() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let detector = Detector::new();
    for _ in 0..200 {
        let body = &body(&mut random)[..32];
        let secret = format!("whsec_{body}");
        let hint = KeyText::new(secret.as_bytes()).hint();
        for behind in
            ["%2FCLERK_SECRET_KEY=x", "%2Fyour-endpoint", "\\/test-secret", "\\/replace_me", "&#x2F;changeme-now"]
        {
            let text = format!("set CLERK_WEBHOOK_SECRET={secret}{behind}");
            let found = keys(text.as_bytes());
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].key.expose(), secret.as_bytes(), "{text}");
            let shown = detector.mask(text.as_bytes());
            assert!(shown.as_str().contains(&hint) && !shown.as_str().contains(&body[8..16]), "{}", shown.as_str());
        }
    }
}

#[test]
fn masking_hides_what_its_variables_name_tells_with_its_signs_escaped() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let detector = Detector::new();
    for _ in 0..500 {
        let body = body(&mut random);
        let cut = random.usize(20..30);
        let key = format!("ak_{}/{}=", &body[..cut], &body[cut..]);
        let spell: &dyn Fn(&str) -> String = match random.u8(..5) {
            0 => &|sign| format!("%{:02X}", sign.as_bytes()[0]),
            1 => &|sign| format!("%25{:02x}", sign.as_bytes()[0]),
            2 => &|sign| format!("\\u{:04x}", sign.as_bytes()[0]),
            3 => &|sign| format!("&#{};", sign.as_bytes()[0]),
            _ => &|sign| format!("={:02X}", sign.as_bytes()[0]),
        };
        let spelt = key.replace('=', &spell("=")).replace('/', &spell("/"));
        let (before, behind) = *random
            .choice(&[
                ("set CLERK_MACHINE_SECRET_KEY=", " for ci"),
                ("<key>CLERK_MACHINE_SECRET_KEY</key><string>", "</string>"),
                ("{\"name\": \"CLERK_MACHINE_SECRET_KEY\",\n \"value\": \"", "\"}"),
            ])
            .unwrap();
        let text = format!("{before}{spelt}{behind}");
        let shown = detector.mask(text.as_bytes());
        let hint = KeyText::new(key.as_bytes()).hint();
        assert_eq!(
            shown.as_str(),
            Detector::new().mask(format!("{before}{hint}{behind}").as_bytes()).as_str(),
            "{text}"
        );
        let found = keys(text.as_bytes());
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].key.expose(), key.as_bytes(), "{text}");
        assert_eq!(found[0].span, Span { start: before.len(), end: before.len() + spelt.len() }, "{text}");
    }
}

#[test]
fn a_publishable_key_and_a_look_alike_are_told_as_what_they_are() {
    let mut all = Vec::new();
    let stripe = body(&mut fastrand::Rng::with_seed(9))[..24].to_owned();
    let text = format!(
        "PK=pk_test_aGFwcHktY2F0LTEuY2xlcmsuYWNjb3VudHMuZGV2JA\nSTRIPE=sk_live_{stripe}\nX=sk_test_xxxxxxxxxxxxxxxxxxxx"
    );
    Detector::new().scan(text.as_bytes(), &mut |found| all.push(found));
    assert!(
        matches!(&all[0], Found::Publishable { key, line: Some(1), .. } if key.host == "happy-cat-1.clerk.accounts.dev")
    );
    assert!(matches!(&all[1], Found::OtherVendor { vendor, .. } if vendor.name == "Stripe"));
    assert!(matches!(&all[2], Found::Placeholder { .. }));
}

#[test]
fn a_line_before_encoded_text_hides_nothing_in_it() {
    let mut random = fastrand::Rng::with_seed(11);
    for _ in 0..500 {
        let (one, two) = (format!("sk_live_{}", body(&mut random)), format!("sk_test_{}", body(&mut random)));
        let text = [b"signed with ", one.as_bytes(), b"\n", &base64(two.as_bytes()), b"\n"].concat();
        let found: Vec<Vec<u8>> = keys(&text).iter().map(|found| found.key.expose().to_vec()).collect();
        assert_eq!(found, [one.into_bytes(), two.into_bytes()]);
    }
}

#[test]
fn a_line_behind_encoded_text_makes_nothing_longer() {
    let mut random = fastrand::Rng::with_seed(12);
    for _ in 0..500 {
        // 51 bytes have no padding, so nothing ends the line but its end.
        let key = format!("sk_live_{}", body(&mut random));
        let text =
            [&base64(format!("={key}").as_bytes()), b"\n".as_slice(), body(&mut random).as_bytes(), b"\n"].concat();
        let found = keys(&text);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].key.expose(), found[0].confidence), (key.as_bytes(), Confidence::High));
    }
}

#[test]
fn markdown_may_escape_the_underscores_of_a_prefix() {
    let mut random = fastrand::Rng::with_seed(11);
    let body = body(&mut random);
    let text = format!("CLERK\\_SECRET\\_KEY is sk\\_live\\_{body} since then");
    let found = keys(text.as_bytes());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].key.expose(), format!("sk_{}_{body}", "live").as_bytes());
    assert_eq!(found[0].span.start, text.find("sk").unwrap());
}

#[test]
fn a_row_of_one_digit_is_no_deep_nesting() {
    for (digit, length) in [("3", 1280), ("33 ", 2000), ("3132", 4000), ("M", 5000), ("%33", 3000), ("\\x33", 3000)] {
        let unread = Detector::new().scan(digit.repeat(length).as_bytes(), &mut |found| panic!("{found:?}"));
        assert_eq!(unread, Unread::default(), "{digit:?}");
    }
    // What could be a key's encoding is.
    let mut text = format!("sk_live_{}", body(&mut fastrand::Rng::with_seed(4)));
    for _ in 0..7 {
        text = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    }
    let unread = Detector::new().scan(text.as_bytes(), &mut |found| panic!("{found:?}"));
    assert_eq!(unread.limits, ["encodings and containers are nested deeper than is read"]);
}

#[test]
fn decoding_makes_no_key_of_another_vendors_however_it_is_broken() {
    let mut random = fastrand::Rng::with_seed(13);
    let breaks = ["=\r\n", "\n# ", "\n> ", "\n// ", " \\\n", "\" +\n  \"", "\n\n", "\r", " ", "\n * "];
    for round in 0..4000 {
        let letters: String = (0..105).map(|_| random.alphanumeric()).collect();
        let stripe = format!("{}sk_live_51{}", "= ".repeat(random.usize(0..30)), &letters[..97]);
        let text = base64(stripe.as_bytes());
        let width = random.usize(48..80);
        let between = breaks[round % breaks.len()];
        let lines: Vec<&str> = text.chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let broken = format!("data = \"{}\"\n", lines.join(between));
        for found in keys(broken.as_bytes()) {
            assert_ne!(found.confidence, Confidence::High, "{between:?} {width}: {}", found.reasons.join("; "));
        }
    }
}

#[test]
fn quoted_printable_is_told_by_any_escape() {
    let mut random = fastrand::Rng::with_seed(14);
    for round in 0..2000 {
        let key = format!("sk_live_{}", body(&mut random));
        let (lower, one_in) = (random.bool(), random.usize(1..30));
        // Never a `_`, at least one letter, and all of it now and then.
        let surely = random.usize(8..50);
        let mut text = String::from("To: x\nkey: ");
        let start = text.len();
        for (at, character) in key.chars().enumerate() {
            let escaped = round % 10 == 0 || at == surely || (character != '_' && random.usize(..one_in) == 0);
            match (escaped, lower) {
                (false, _) => text.push(character),
                (true, true) => text.push_str(&format!("={:02x}", character as u32)),
                (true, false) => text.push_str(&format!("={:02X}", character as u32)),
            }
        }
        let span = Span { start, end: text.len() };
        let found = keys(format!("{text}\n").as_bytes());
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!((found[0].key.expose(), found[0].span), (key.as_bytes(), span), "{text}");
        assert_eq!(*found[0].encoding, [Step::Undone("quoted-printable")], "{text}");
    }
    let key = format!("sk_live_{}", body(&mut random));
    let found = keys(format!("?key=3d{key}&x=3d1").as_bytes());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].key.expose(), key.as_bytes());
}

#[test]
fn big_endian_text_in_escapes_is_found_where_it_stands_behind_other_text() {
    let mut random = fastrand::Rng::with_seed(15);
    for before in ["x: ", "key=", "\"", "[", "a b c "] {
        let key = format!("sk_live_{}", body(&mut random));
        let units: String = key.chars().map(|letter| format!("\\x00\\x{:02x}", letter as u32)).collect();
        let text = format!("{before}{units}");
        let found = keys(text.as_bytes());
        assert_eq!(found.len(), 1, "{before}");
        assert_eq!(found[0].key.expose(), key.as_bytes());
        assert_eq!(*found[0].encoding, [Step::Undone("hex"), Step::Undone("utf-16be")], "{before}");
        assert_eq!(found[0].span, Span { start: before.len(), end: text.len() }, "{before}");
    }
}

#[test]
fn more_readings_than_are_kept_are_a_limit_that_was_reached() {
    let mut random = fastrand::Rng::with_seed(16);
    let key = format!("sk_live_{}", body(&mut random));
    let text = |count: usize| format!("CLERK_SECRET_KEY={key}\n{}", "sk_live_".repeat(count));
    let scan = |text: &str| {
        let mut found = 0;
        let unread =
            Detector::new().scan(text.as_bytes(), &mut |what| found += usize::from(matches!(what, Found::Key(_))));
        (found, unread.limits)
    };
    assert_eq!(scan(&text(100_000)), (1, vec![]));
    assert_eq!(scan(&text(300_000)), (1, vec!["more readings in one object than are told apart"]));
}
