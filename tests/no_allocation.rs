//! What has nothing in it costs no allocation: an audit scans millions of such objects.

use clerk_audit::detect::Detector;

#[test]
fn a_scan_that_finds_nothing_allocates_nothing() {
    let detector = Detector::new();
    let text = "import { auth } from './server';\nexport const user = await auth(); // 100 % of it\n".repeat(2000);
    let lock = format!("  resolution: {{integrity: sha512-{}==}}\n", "q9X/z+3Rb7Jm".repeat(7)).repeat(500);
    let binary: Vec<u8> = (0..100_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for bytes in [text.as_bytes(), lock.as_bytes(), &binary] {
        let counted = allocation_counter::measure(|| {
            let unread = detector.scan(bytes, &mut |found| panic!("{found:?}"));
            assert!(unread.limits.is_empty() && unread.opaque.is_empty());
        });
        assert_eq!(counted.count_total, 0, "{} bytes", bytes.len());
    }
    let counted = allocation_counter::measure(|| {
        detector.scan(format!("sk_test_{}", "x".repeat(20)).as_bytes(), &mut |_| {});
    });
    assert!(counted.count_total > 0, "a hit allocates, or nothing is counted");
}
