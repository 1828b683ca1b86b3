//! That the corpus itself can be trusted: templates make what the tools of that name make, and what is said wrongly is
//! noticed.

use crate::check::problems;
use crate::detector::{Credential, Said};
use crate::expanded;
use crate::parse::{Case, Expectation, all_cases, parse};
use crate::template::{Expanded, expand};

fn text(template: &str) -> String {
    String::from_utf8(expand(template, 1, "test").unwrap().bytes).unwrap()
}

#[test]
fn templates_make_what_the_tools_of_that_name_make() {
    for (template, made) in [
        ("«base64 a=sk_1»", "YT1za18x"),
        ("«base64 sk_»«base64-raw ab»«base64 ab»", "c2tfYWIYWI="),
        ("«base64url ?>»«base64 ?>»", "Pz4Pz4="),
        ("«base64-lines 4 2 abcdef»", "YWJj\n  ZGVm"),
        ("«hex-of sk»«HEX-of k_»", "736b6B5F"),
        ("«hex-spaced sk_» «hex-colons sk» «hex-x sk» «hex-0x sk»", "73 6b 5f 73:6b \\x73\\x6b 0x73, 0x6b"),
        ("«percent a_b=c d»", "a_b%3Dc%20d"),
        ("«percent «percent a=b»»", "a%253Db"),
        ("«percent-underscore a_b»«percent-all ab»", "a%5Fb%61%62"),
        ("«json a\"b\\c»«json-underscore a_b»«json-all ab»", "a\\\"b\\\\ca\\u005fb\\u0061\\u0062"),
        ("«entities <a&\"'>»«entities-underscore a_b»", "&lt;a&amp;&quot;&#39;&gt;a&#95;b"),
        ("«entities-all ab»«entities-hex k»", "&#97;&#98;&#x6B;"),
        ("«qp a=b\n»", "a=3Db\r\n"),
        ("«crlf a\nb\n»«indent 2 a\nb»", "a\r\nb\r\na\n  b"),
        ("«rep 3 xy»«alphabet 28»«end»gone", "xyxyxyabcdefghijklmnopqrstuvwxyz01"),
        ("«pk live clerk.example.com»", "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k"),
        (
            "«hexdump CLERK=0123456789\n»",
            "00000000  43 4c 45 52 4b 3d 30 31  32 33 34 35 36 37 38 39  |CLERK=0123456789|\n\
             00000010  0a                                                |.|\n",
        ),
        (
            "«xxd CLERK=0123456789\n»",
            "00000000: 434c 4552 4b3d 3031 3233 3435 3637 3839  CLERK=0123456789\n\
             00000010: 0a                                       .\n",
        ),
    ] {
        assert_eq!(text(template), made, "{template}");
    }
    let long = text(&format!("«qp {}»", "a".repeat(100)));
    assert_eq!(long, format!("{}=\r\n{}", "a".repeat(75), "a".repeat(25)));
    let made = expand("«byte ff fe»«utf16le aé»«utf32be b»", 1, "test").unwrap();
    assert_eq!(made.bytes, [0xff, 0xfe, b'a', 0, 0xe9, 0, 0, 0, 0, b'b']);
}

#[test]
fn marks_stand_where_the_text_came_to_stand() {
    for (template, chain) in [
        ("a «key live k»", &[][..]),
        ("«json «key live k»»", &[]),
        ("«percent x=«key live k»»", &[]),
        ("a=«base64 bc«key live k»d»", &["base64"]),
        ("«base64 «base64 «key live k»»»", &["base64", "base64"]),
        ("«base64-lines 20 4 xyz«key test k»»", &["base64"]),
        ("«byte ff fe»«utf16le é«key live k»»", &["utf-16le"]),
        ("«base64 «utf16le $a=«key live k»»»", &["base64", "utf-16le"]),
        ("«hexdump key=«key live k»\n»", &["hex"]),
        ("«qp Set the variable of the production server: CLERK_SECRET_KEY=«key live k»\n»", &["quoted-printable"]),
        ("«percent-underscore «key live k»»", &["percent"]),
    ] {
        let made = expand(template, 1, "test").unwrap();
        let [mark] = &made.marks[..] else { panic!("{template}: {:?}", made.marks.len()) };
        assert_eq!(mark.chain, chain, "{template}");
        assert!(mark.text.starts_with(b"sk_") && mark.text.len() == 50, "{template}");
        let there = &made.bytes[mark.span.clone()];
        if chain.is_empty() {
            assert_eq!(there, mark.text, "{template}");
        } else if !template.contains("dump") {
            // What stands there must hold as much as the key and not its neighbours whole.
            assert!(there.len() >= 50 && made.bytes.len() - there.len() < 90, "{template}");
        }
    }
    let made = expand("«let key live k»x=\"«head k 20»\" + \"«tail k 20»\"", 1, "test").unwrap();
    assert_eq!(made.marks.len(), 1);
    assert_eq!(made.marks[0].span, 3..3 + 8 + 20 + 5 + 22);
}

/// The answer of a detector that knows everything.
fn perfect(case: &Case, expanded: &Expanded) -> Vec<Said> {
    let mut said = Vec::new();
    for expectation in &case.expectations {
        let marks = |names: &crate::parse::Names| {
            let names = names.clone();
            expanded.marks.iter().filter(move |mark| names.mean(&mark.name, mark.nth)).cloned()
        };
        match expectation {
            Expectation::Credential(wanted) => said.extend(marks(&wanted.names).map(|mark| {
                let mut credential = Credential {
                    kind: wanted.kind.clone(),
                    hint: mark.name.clone(),
                    confidence: wanted.confidence.first().cloned().unwrap_or_else(|| "low".to_owned()),
                    reasons: vec![wanted.reasons.join(" "), "told".to_owned()],
                    span: mark.span.clone(),
                    line_and_column: None,
                    encoding: mark.chain.iter().map(|&name| crate::detector::encoding_name(name).to_owned()).collect(),
                    variable: wanted.variable.clone(),
                    has_public_variable: wanted.public_variable,
                    text: mark.text,
                };
                credential.line_and_column =
                    Some(crate::check::line_and_column(&expanded.bytes, mark.span.start, mark.chain.first().copied()));
                if let crate::parse::Told::Exactly(chain) = &wanted.encoding {
                    credential.encoding = chain.clone();
                }
                Said::Credential(credential)
            })),
            Expectation::Vendor { called, names, .. } => said.extend(marks(names).map(|mark| Said::Vendor {
                name: called[0].clone(),
                text: mark.text,
                span: mark.span,
            })),
            Expectation::Placeholder(count) => said.extend((0..*count).map(|_| Said::Placeholder)),
            Expectation::HalfMasked(count) => said.extend((0..count.unwrap_or(0)).map(|_| Said::HalfMasked)),
            Expectation::Publishable(host) => said.push(Said::Publishable { host: host.clone() }),
            Expectation::Nothing => {}
        }
    }
    said
}

#[test]
fn every_case_holds_for_a_perfect_answer_and_for_no_other() {
    for case in all_cases() {
        let expanded = expanded(&case, 1);
        let said = perfect(&case, &expanded);
        let name = format!("{}.txt:{} {}", case.theme, case.line, case.name);
        let wrong = problems(&case, &expanded, &said);
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
        for at in 0..said.len() {
            let mut less = said.clone();
            let missing = less.remove(at);
            let may_miss = case.expectations.iter().any(|it| matches!(it, Expectation::Vendor { must: false, .. }));
            assert!(may_miss || !problems(&case, &expanded, &less).is_empty(), "{name} without {missing:?}");
        }
        for more in [
            Said::HalfMasked,
            Said::Vendor { name: "Stripe".to_owned(), text: b"more".to_vec(), span: 0..4 },
            Said::Publishable { host: "more.example".to_owned() },
            Said::Credential(Credential {
                kind: "secret_key".to_owned(),
                text: b"more".to_vec(),
                hint: "more".to_owned(),
                confidence: "low".to_owned(),
                reasons: vec!["more".to_owned()],
                span: 0..4,
                line_and_column: Some((1, 1)),
                encoding: Vec::new(),
                variable: None,
                has_public_variable: false,
            }),
        ] {
            let may_be_more = matches!(more, Said::HalfMasked)
                && case.expectations.iter().any(|it| matches!(it, Expectation::HalfMasked(None)));
            let wrong = problems(&case, &expanded, &[said.clone(), vec![more.clone()]].concat());
            assert!(may_be_more || !wrong.is_empty(), "{name} with {more:?} more");
        }
    }
}

#[test]
fn each_part_of_what_is_told_of_a_credential_is_held_against_the_case() {
    let cases = parse(
        "test",
        "=== one\na\nb=«key live k»\n--- secret_key k high 2:3 encoding raw reason \"exactly 42\" variable b\n",
    );
    let case = &cases.unwrap()[0];
    let expanded = expanded(case, 1);
    let [Said::Credential(right)] = &perfect(case, &expanded)[..] else { panic!("one") };
    assert!(problems(case, &expanded, &[Said::Credential(right.clone())]).is_empty());
    let mut others = vec![right.clone(); 8];
    others[0].kind = "legacy_api_key".to_owned();
    others[1].text.push(b'x');
    others[2].confidence = "medium".to_owned();
    others[3].reasons = vec!["told".to_owned()];
    others[4].span.end += 1;
    others[5].line_and_column = Some((2, 4));
    others[6].encoding = vec!["base64".to_owned()];
    others[7].variable = None;
    for (at, other) in others.into_iter().enumerate() {
        assert!(!problems(case, &expanded, &[Said::Credential(other)]).is_empty(), "{at}");
    }
}

#[test]
fn what_is_written_wrongly_in_a_corpus_file_is_refused() {
    for text in [
        "content without a case\n",
        "=== nothing expected\na\n",
        "=== a kind that is none\na\n--- secretkey k1 high\n",
        "=== a confidence that is none\na\n--- secret_key k1 sure\n",
        "=== content behind\na\n--- nothing\nb\n",
        "=== an attribute that is none\na\n--- secret_key k1 high colour red\n",
    ] {
        assert!(parse("test", text).is_err(), "{text}");
    }
    for template in ["«key", "a» b", "«nosuch»", "«sk live 24 k1»«sk live 24 k1»", "«key live k1 k2»"] {
        assert!(expand(template, 1, "test").is_err(), "{template}");
    }
}
