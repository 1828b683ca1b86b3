//! Keys in pieces, and other vendors' tokens that what follows would complete to 42.

use clerk_audit::detect::Detector;

use crate::detector::{Said, scan};
use crate::seeds;
use crate::shapes::Draw;

/// What stands before the first piece, between the two and behind the second.
struct Joint {
    name: &'static str,
    before: &'static str,
    between: &'static str,
    behind: &'static str,
}

const JOINTS: &[Joint] = &[
    Joint { name: "JavaScript", before: "const key = \"", between: "\" + \"", behind: "\";\n" },
    Joint { name: "JavaScript, two lines", before: "const key = '", between: "' +\n  '", behind: "';\n" },
    Joint { name: "PHP", before: "$key = '", between: "' . '", behind: "';\n" },
    Joint { name: "Python", before: "key = (\"", between: "\"\n       \"", behind: "\")\n" },
    Joint { name: "C", before: "char *key = \"", between: "\" \"", behind: "\";\n" },
    Joint { name: "Visual Basic", before: "key = \"", between: "\" & _\r\n      \"", behind: "\"\r\n" },
    Joint { name: "shell", before: "export key=", between: "\\\n", behind: "\n" },
    Joint { name: "line end", before: "key=", between: "\n", behind: "\n" },
    Joint { name: "CRLF", before: "key=", between: "\r\n", behind: "\r\n" },
    Joint { name: "folded YAML", before: "key: >-\n  ", between: "\n  ", behind: "\n" },
    Joint { name: "quoted-printable", before: "key=3D", between: "=\r\n", behind: "\r\n" },
];

/// Lengths that another vendor's tokens have: a first piece so long is that vendor's.
const CLAIMED: &[usize] = &[24, 32, 34];

const CONTEXT: &str = "// for createClerkClient of @clerk/backend\n";

/// Whoever wants to get past a scanner cuts the prefix.
#[test]
fn a_key_whose_prefix_is_in_pieces_is_found_whole_and_never_surely() {
    let detector = Detector::new();
    let mut wrong = Vec::new();
    for seed in seeds() {
        let mut draw = Draw::new(seed, "prefixes");
        for joint in JOINTS.iter().filter(|joint| joint.before.ends_with(['"', '\''])) {
            for cuts in [&[3][..], &[4], &[6], &[7], &[8], &[3, 8], &[3, 7, 8], &[5, 20]] {
                for (context, confidence) in [(CONTEXT, "medium"), ("// settings\n", "low")] {
                    let key = format!("sk_{}_{}", if cuts.len() == 1 { "live" } else { "test" }, draw.body());
                    let (mut parts, mut from) = (Vec::new(), 0);
                    for cut in cuts.iter().chain([&key.len()]) {
                        parts.push(&key[from..*cut]);
                        from = *cut;
                    }
                    let text = [context, joint.before, &parts.join(joint.between), joint.behind].concat();
                    let start = context.len() + joint.before.len();
                    let end = text.len() - joint.behind.len();
                    let said = scan(&detector, text.as_bytes());
                    let is_right = matches!(&said[..], [Said::Credential(found)]
                        if found.kind == "secret_key" && found.text == key.as_bytes() && found.span == (start..end)
                            && found.confidence == confidence);
                    if !is_right {
                        let (name, said) = (joint.name, short(&said));
                        wrong.push(format!("seed {seed}, {name}, cut at {cuts:?}, {confidence}: {said}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} are not found:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_key_in_pieces_is_found_whole_and_never_surely() {
    let detector = Detector::new();
    let mut wrong = Vec::new();
    for seed in seeds() {
        let mut draw = Draw::new(seed, "pieces");
        for (joint, cut) in JOINTS.iter().flat_map(|joint| (2..=40).map(move |cut| (joint, cut))) {
            if CLAIMED.contains(&cut) {
                continue;
            }
            // Where another escape says that it is quoted-printable, the soft break is no guess.
            let otherwise = if joint.name == "quoted-printable" { "medium" } else { "low" };
            for (context, confidence) in [(CONTEXT, "medium"), ("// settings\n", otherwise)] {
                let body = draw.body();
                let head = format!("sk_{}_{}", if cut % 2 == 0 { "live" } else { "test" }, &body[..cut]);
                let text = [context, joint.before, &head, joint.between, &body[cut..], joint.behind].concat();
                let start = context.len() + joint.before.len();
                let end = start + head.len() + joint.between.len() + body.len() - cut;
                let key = format!("{head}{}", &body[cut..]);
                let said = scan(&detector, text.as_bytes());
                let is_right = matches!(&said[..], [Said::Credential(found)]
                    if found.kind == "secret_key" && found.text == key.as_bytes() && found.span == (start..end)
                        && found.confidence == confidence);
                if !is_right {
                    wrong.push(format!("seed {seed}, {}, cut at {cut}, {confidence}: {}", joint.name, short(&said)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} fail:\n{}", wrong.len(), first_lines(&wrong));
}

/// Another vendor's token whose length a name of the right length would complete to 42.
struct Claimed {
    vendor: &'static str,
    shape: &'static str,
    missing: usize,
}

const CLAIMED_TOKENS: &[Claimed] = &[
    Claimed { vendor: "Stripe", shape: "24", missing: 18 },
    Claimed { vendor: "Stripe", shape: "34", missing: 8 },
    Claimed { vendor: "Paystack", shape: "hex40", missing: 2 },
];

/// Names of `length` letters and digits, as variables have them; for two letters all of them.
fn names(draw: &mut Draw, length: usize) -> Vec<String> {
    let letters = || ('A'..='Z').chain('a'..='z');
    if length == 2 {
        return letters().flat_map(|a| letters().chain('0'..='9').map(move |b| format!("{a}{b}"))).collect();
    }
    let mut names: Vec<String> = ["DATABASEURLPRIMARY", "nextPublicSiteHost", "DEBUGLOG", "NODEENV1", "siteHost"]
        .iter()
        .filter(|name| name.len() == length)
        .map(|name| (*name).to_owned())
        .collect();
    for _ in 0..40 {
        for shape in ["AZ", "az", "lower", "alnum"] {
            let head = draw.shape("az1").expect("a shape");
            names.push(format!("{head}{}", draw.shape(&format!("{shape}{}", length - 1)).expect("a shape")));
        }
    }
    names
}

/// Everything but the other vendor's one token is wrong.
fn misjudged(detector: &Detector, text: &str, vendor: &str) -> Option<String> {
    let said = scan(detector, text.as_bytes());
    let is_right = matches!(&said[..], [Said::Vendor { name, .. }] if name.contains(vendor));
    (!is_right).then(|| short(&said))
}

#[test]
fn another_vendors_token_is_not_completed_by_the_next_lines_name() {
    let detector = Detector::new();
    let mut wrong = Vec::new();
    for seed in seeds() {
        let mut draw = Draw::new(seed, "completed");
        for claimed in CLAIMED_TOKENS {
            for (at, name) in names(&mut draw, claimed.missing).iter().enumerate() {
                let environment = ["live", "test"][at % 2];
                let token = format!("sk_{environment}_{}", draw.shape(claimed.shape).expect("a shape"));
                let line_end = ["\n", "\r\n"][at / 2 % 2];
                for operator in ["=", " = ", ": ", "_URL=", "", "=\"", "-id: "] {
                    for (context, variable) in [
                        ("", "PAYMENT_KEY"),
                        (CONTEXT, "PAYMENT_KEY"),
                        (CONTEXT, "SECRET_KEY"),
                        ("", "CLERK_SECRET_KEY"),
                    ] {
                        let value = if operator.is_empty() { "" } else { "3000" };
                        let text = format!("{context}{variable}={token}{line_end}{name}{operator}{value}{line_end}");
                        let answer = misjudged(&detector, &text, claimed.vendor);
                        wrong.extend(answer.map(|answer| {
                            format!(
                                "seed {seed}, {} {} of {variable} before {name}{operator}: {answer}",
                                claimed.vendor, claimed.shape
                            )
                        }));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} fail:\n{}", wrong.len(), first_lines(&wrong));
}

#[test]
fn another_vendors_token_is_no_first_piece_of_a_key() {
    let detector = Detector::new();
    let mut wrong = Vec::new();
    for seed in seeds() {
        let mut draw = Draw::new(seed, "first pieces");
        for claimed in CLAIMED_TOKENS {
            for (joint, context) in JOINTS.iter().flat_map(|joint| [(joint, CONTEXT), (joint, "")]) {
                let token = format!("sk_live_{}", draw.shape(claimed.shape).expect("a shape"));
                let rest = draw.shape(&claimed.missing.to_string()).expect("a shape");
                let text = [context, joint.before, &token, joint.between, &rest, joint.behind].concat();
                let answer = misjudged(&detector, &text, claimed.vendor);
                wrong.extend(
                    answer.map(|it| format!("seed {seed}, {} {}, {}: {it}", claimed.vendor, claimed.shape, joint.name)),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{} fail:\n{}", wrong.len(), first_lines(&wrong));
}

#[test]
fn what_does_not_add_up_to_42_is_no_key_in_pieces() {
    let detector = Detector::new();
    let mut wrong = Vec::new();
    for seed in seeds() {
        let mut draw = Draw::new(seed, "sums");
        for (joint, sum) in JOINTS.iter().flat_map(|joint| [30, 40, 41, 43, 44, 50].map(|sum| (joint, sum))) {
            // Below 20 a first piece is no key of another length either.
            for cut in [3, 9, 14, 19] {
                let head = format!("sk_test_{}", draw.shape(&cut.to_string()).expect("a shape"));
                let rest = draw.shape(&(sum - cut).to_string()).expect("a shape");
                let text = [CONTEXT, joint.before, &head, joint.between, &rest, joint.behind].concat();
                let said = scan(&detector, text.as_bytes());
                if said.iter().any(|said| matches!(said, Said::Credential(_))) {
                    wrong.push(format!("seed {seed}, {}, {cut} of {sum}: {}", joint.name, short(&said)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} fail:\n{}", wrong.len(), first_lines(&wrong));
}

/// What was said, without the text of any token.
fn short(said: &[Said]) -> String {
    let one = |said: &Said| match said {
        Said::Credential(found) => format!("{found:?}"),
        Said::Vendor { name, span, .. } => format!("a token of {name} at {span:?}"),
        Said::Placeholder => "a placeholder".to_owned(),
        Said::HalfMasked => "a half-masked key".to_owned(),
        Said::Publishable { host } => format!("the publishable key of {host}"),
    };
    if said.is_empty() { "nothing is told".to_owned() } else { said.iter().map(one).collect::<Vec<_>>().join("; ") }
}

fn first_lines(lines: &[String]) -> String {
    lines.iter().take(40).map(String::as_str).collect::<Vec<_>>().join("\n")
}
