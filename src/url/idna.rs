//! International domain names (IDNA): host labels beyond ASCII.
//!
//! The url crate has the mapping, normalization, joiner and bidi rules and the Punycode of UTS 46. requests is stricter:
//! IDNA 2008 maps nothing (full-width letters are refused, not narrowed) and allows no symbols (☃ is refused, not
//! encoded). So a label is accepted here if UTS 46 leaves it unchanged and IDNA 2008 allows each of its characters.

/// RFC 1035 §2.3.4.
const MAX_LABEL: usize = 63;

/// `label`, which is not ASCII, in its `xn--` form; `None` if IDNA 2008 does not allow it.
pub(super) fn to_ascii(label: &str) -> Option<String> {
    // No form of it is shorter, and some of the rules below look at all characters for each of them.
    if label.chars().nth(MAX_LABEL).is_some() {
        return None;
    }
    let label = label.to_lowercase();
    let ascii_is_fine = label.bytes().all(|b| !b.is_ascii() || matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    // RFC 5891 §4.2.3.1: a U-label has no hyphen at either end, and none in both third and fourth place.
    let hyphens = label.starts_with('-') || label.ends_with('-') || label.chars().skip(2).take(2).eq("--".chars());
    if !ascii_is_fine || hyphens || label.chars().any(is_disallowed) || !contexts_hold(&label) {
        return None;
    }
    // In lower case the Kelvin sign is an ASCII `k`.
    if label.is_ascii() {
        return Some(label);
    }

    let expected = format!("xn--{}", punycode(&label)?);
    match url::Host::parse(&label) {
        Ok(url::Host::Domain(ascii)) if ascii == expected && ascii.len() <= MAX_LABEL => Some(ascii),
        _ => None,
    }
}

fn is_disallowed(c: char) -> bool {
    let c = u32::from(c);
    let at = DISALLOWED.partition_point(|&(_, last)| last < c);
    DISALLOWED.get(at).is_some_and(|&(first, _)| first <= c)
}

/// RFC 5892 appendix A: characters that are allowed in certain contexts only. (The url crate checks joiners.)
fn contexts_hold(label: &str) -> bool {
    let chars: Vec<char> = label.chars().collect();
    chars.iter().enumerate().all(|(at, &c)| {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1).copied();
        match c {
            '\u{b7}' => before == Some('l') && after == Some('l'),
            '\u{375}' => after.is_some_and(is_greek),
            '\u{5f3}' | '\u{5f4}' => before.is_some_and(is_hebrew),
            '\u{30fb}' => chars.iter().any(|&c| is_kana_or_han(c)),
            '\u{660}'..='\u{669}' => !chars.iter().any(|c| matches!(c, '\u{6f0}'..='\u{6f9}')),
            '\u{6f0}'..='\u{6f9}' => !chars.iter().any(|c| matches!(c, '\u{660}'..='\u{669}')),
            _ => true,
        }
    })
}

fn is_greek(c: char) -> bool {
    matches!(c, '\u{370}'..='\u{373}' | '\u{376}'..='\u{3e1}' | '\u{3f0}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}')
}

fn is_hebrew(c: char) -> bool {
    matches!(c, '\u{591}'..='\u{5f4}' | '\u{fb1d}'..='\u{fb4f}')
}

fn is_kana_or_han(c: char) -> bool {
    matches!(c,
        '\u{3005}' | '\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303b}' | '\u{3041}'..='\u{309f}'
        | '\u{30a1}'..='\u{30fa}' | '\u{30fd}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{1b000}'..='\u{1b16f}' | '\u{20000}'..='\u{323af}')
}

/// Punycode (RFC 3492). The url crate does not report whether it changed a label before encoding it; a comparison with
/// this does.
fn punycode(label: &str) -> Option<String> {
    const BASE: u32 = 36;
    let digit = |d: u32| char::from(if d < 26 { b'a' + d as u8 } else { b'0' + (d - 26) as u8 });

    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = out.len() as u32;
    let total = label.chars().count() as u32;
    if basic > 0 {
        out.push('-');
    }

    let (mut n, mut delta, mut bias, mut handled) = (128_u32, 0_u32, 72_u32, basic);
    while handled < total {
        let next = label.chars().map(u32::from).filter(|&c| c >= n).min()?;
        delta += (next - n) * (handled + 1);
        n = next;
        for c in label.chars().map(u32::from) {
            if c < n {
                delta += 1;
            } else if c == n {
                let mut rest = delta;
                let mut k = BASE;
                loop {
                    let threshold = k.saturating_sub(bias).clamp(1, 26);
                    if rest < threshold {
                        break;
                    }
                    out.push(digit(threshold + (rest - threshold) % (BASE - threshold)));
                    rest = (rest - threshold) / (BASE - threshold);
                    k += BASE;
                }
                out.push(digit(rest));

                delta = if handled == basic { delta / 700 } else { delta / 2 };
                delta += delta / (handled + 1);
                let mut steps = 0;
                while delta > (BASE - 1) * 26 / 2 {
                    delta /= BASE - 1;
                    steps += BASE;
                }
                bias = steps + BASE * delta / (delta + 38);
                delta = 0;
                handled += 1;
            }
        }
        delta += 1;
        n += 1;
    }
    Some(out)
}

/// What UTS 46 leaves unchanged and RFC 5892 derives as DISALLOWED. Ranges include code points that the url crate
/// refuses or maps anyway, so that there are fewer ranges.
#[rustfmt::skip]
const DISALLOWED: [(u32, u32); 222] = [
    (0xa1, 0xb6), (0xbb, 0xd7), (0xf7, 0xf7), (0x2c2, 0x2c5), (0x2d2, 0x2eb), (0x2ed, 0x2ed), (0x2ef, 0x2ff),
    (0x3f6, 0x3f6), (0x482, 0x482), (0x488, 0x489), (0x55a, 0x55f), (0x589, 0x58f), (0x5be, 0x5be), (0x5c0, 0x5c0),
    (0x5c3, 0x5c3), (0x5c6, 0x5c6), (0x606, 0x60f), (0x61b, 0x61f), (0x640, 0x640), (0x66a, 0x66d), (0x6d4, 0x6d4),
    (0x6de, 0x6de), (0x6e9, 0x6e9), (0x700, 0x70d), (0x7f6, 0x7fa), (0x7fe, 0x7ff), (0x830, 0x83e), (0x85e, 0x85e),
    (0x888, 0x888), (0x964, 0x965), (0x970, 0x970), (0x9f2, 0x9fb), (0x9fd, 0x9fd), (0xa76, 0xa76), (0xaf0, 0xaf1),
    (0xb70, 0xb70), (0xb72, 0xb77), (0xbf0, 0xbfa), (0xc77, 0xc7f), (0xc84, 0xc84), (0xd4f, 0xd4f), (0xd58, 0xd5e),
    (0xd70, 0xd79), (0xdf4, 0xdf4), (0xe3f, 0xe3f), (0xe4f, 0xe4f), (0xe5a, 0xe5b), (0xf01, 0xf0a), (0xf0d, 0xf17),
    (0xf1a, 0xf1f), (0xf2a, 0xf34), (0xf36, 0xf36), (0xf38, 0xf38), (0xf3a, 0xf3d), (0xf85, 0xf85), (0xfbe, 0xfc5),
    (0xfc7, 0xfda), (0x104a, 0x104f), (0x109e, 0x109f), (0x10fb, 0x10fb), (0x1100, 0x11ff), (0x1360, 0x137c),
    (0x1390, 0x1399), (0x1400, 0x1400), (0x166d, 0x166e), (0x169b, 0x169c), (0x16eb, 0x16f0), (0x1735, 0x1736),
    (0x17d4, 0x17d6), (0x17d8, 0x17db), (0x17f0, 0x180a), (0x1940, 0x1945), (0x19da, 0x19ff), (0x1a1e, 0x1a1f),
    (0x1aa0, 0x1aa6), (0x1aa8, 0x1aad), (0x1abe, 0x1abe), (0x1b4e, 0x1b4f), (0x1b5a, 0x1b6a), (0x1b74, 0x1b7f),
    (0x1bfc, 0x1bff), (0x1c3b, 0x1c3f), (0x1c7e, 0x1c7f), (0x1cc0, 0x1cc7), (0x1cd3, 0x1cd3), (0x2010, 0x205e),
    (0x20a0, 0x214d), (0x214f, 0x2182), (0x2185, 0x2bff), (0x2ce5, 0x2cea), (0x2cf9, 0x2cff), (0x2d70, 0x2d70),
    (0x2e00, 0x2e2e), (0x2e30, 0x3004), (0x3008, 0x3029), (0x302e, 0x303b), (0x303d, 0x303f), (0x30a0, 0x30a0),
    (0x3190, 0x3191), (0x31c0, 0x31e5), (0x3248, 0x327f), (0x4dc0, 0x4dff), (0xa490, 0xa4c6), (0xa4fe, 0xa4ff),
    (0xa60d, 0xa60f), (0xa670, 0xa673), (0xa67e, 0xa67e), (0xa6e6, 0xa6ef), (0xa6f2, 0xa716), (0xa720, 0xa721),
    (0xa789, 0xa78a), (0xa828, 0xa82b), (0xa830, 0xa839), (0xa874, 0xa877), (0xa8ce, 0xa8cf), (0xa8f8, 0xa8fa),
    (0xa8fc, 0xa8fc), (0xa92e, 0xa92f), (0xa95f, 0xa97c), (0xa9c1, 0xa9cd), (0xa9de, 0xa9df), (0xaa5c, 0xaa5f),
    (0xaa77, 0xaa79), (0xaade, 0xaadf), (0xaaf0, 0xaaf1), (0xab5b, 0xab5b), (0xab6a, 0xab6b), (0xabeb, 0xabeb),
    (0xd7b0, 0xd7fb), (0xfbb2, 0xfdff), (0xfe45, 0xfe46), (0x10100, 0x101fc), (0x102e1, 0x102fb), (0x10320, 0x10323),
    (0x10341, 0x10341), (0x1034a, 0x1034a), (0x1039f, 0x1039f), (0x103d0, 0x103d5), (0x1056f, 0x1056f),
    (0x10857, 0x1085f), (0x10877, 0x1087f), (0x108a7, 0x108af), (0x108fb, 0x108ff), (0x10916, 0x1091f),
    (0x1093f, 0x1093f), (0x109bc, 0x109bd), (0x109c0, 0x109ff), (0x10a40, 0x10a58), (0x10a7d, 0x10a7f),
    (0x10a9d, 0x10a9f), (0x10ac8, 0x10ac8), (0x10aeb, 0x10af6), (0x10b39, 0x10b3f), (0x10b58, 0x10b5f),
    (0x10b78, 0x10b7f), (0x10b99, 0x10baf), (0x10cfa, 0x10cff), (0x10d6e, 0x10d6e), (0x10d8e, 0x10e7e),
    (0x10ead, 0x10ead), (0x10ed0, 0x10ed8), (0x10f1d, 0x10f26), (0x10f51, 0x10f59), (0x10f86, 0x10f89),
    (0x10fc5, 0x10fcb), (0x11047, 0x11065), (0x110bb, 0x110c1), (0x11140, 0x11143), (0x11174, 0x11175),
    (0x111c5, 0x111c8), (0x111cd, 0x111cd), (0x111db, 0x111db), (0x111dd, 0x111f4), (0x11238, 0x1123d),
    (0x112a9, 0x112a9), (0x113d4, 0x113d8), (0x1144b, 0x1144f), (0x1145a, 0x1145d), (0x114c6, 0x114c6),
    (0x115c1, 0x115d7), (0x11641, 0x11643), (0x11660, 0x1166c), (0x116b9, 0x116b9), (0x1173a, 0x1173f),
    (0x1183b, 0x1183b), (0x118ea, 0x118f2), (0x11944, 0x11946), (0x119e2, 0x119e2), (0x11a3f, 0x11a46),
    (0x11a9a, 0x11a9c), (0x11a9e, 0x11aa2), (0x11b00, 0x11b09), (0x11be1, 0x11be1), (0x11c41, 0x11c45),
    (0x11c5a, 0x11c71), (0x11ef7, 0x11ef8), (0x11f43, 0x11f4f), (0x11fc0, 0x11fff), (0x12400, 0x12474),
    (0x12ff1, 0x12ff2), (0x16a6e, 0x16a6f), (0x16af5, 0x16af5), (0x16b37, 0x16b3f), (0x16b44, 0x16b45),
    (0x16b5b, 0x16b61), (0x16d6d, 0x16d6f), (0x16e80, 0x16e9a), (0x16fe2, 0x16fe2), (0x16ff4, 0x16ff6),
    (0x1bc9c, 0x1bc9c), (0x1bc9f, 0x1cef0), (0x1cf50, 0x1d245), (0x1d2c0, 0x1d9ff), (0x1da37, 0x1da3a),
    (0x1da6d, 0x1da74), (0x1da76, 0x1da83), (0x1da85, 0x1da8b), (0x1e14f, 0x1e14f), (0x1e2ff, 0x1e2ff),
    (0x1e5ff, 0x1e5ff), (0x1e8c7, 0x1e8cf), (0x1e95e, 0x1fbfa),
];

#[cfg(test)]
mod tests {
    use super::*;

    // URL-13
    #[test]
    fn labels_are_encoded_by_idna_2008() {
        for (label, want) in [
            ("bücher", Some("xn--bcher-kva")),
            ("BÜCHER", Some("xn--bcher-kva")),
            ("faß", Some("xn--fa-hia")),
            ("ü", Some("xn--tda")),
            ("日本", Some("xn--wgv71a")),
            ("пример", Some("xn--e1afmkfd")),
            ("مثال", Some("xn--mgbh0fb")),
            ("नमस्ते", Some("xn--h2bhs4b8d8a")),
            ("\u{212a}", Some("k")),
            ("col·lecció", Some("xn--collecci-ioa91d")),
            ("☃", None),
            ("😀", None),
            ("ａｂ", None),
            ("１２７", None),
            ("\u{200d}", None),
            ("\u{fe0f}", None),
            ("。", None),
            ("a。b", None),
            ("-ü", None),
            ("ü-", None),
            ("ab--ü", None),
            ("ü_", None),
            ("ü%41", None),
            ("a\u{301}", None),
            ("\u{301}a", None),
            ("a·b", None),
            ("Ⅷ", None),
            ("½", None),
        ] {
            assert_eq!(to_ascii(label).as_deref(), want, "{label:?}");
        }
    }

    // Without the bound this would take minutes: each digit looks for a digit of the other kind in the whole label.
    #[test]
    fn a_label_that_is_too_long_is_not_looked_at() {
        for (c, count) in
            [("ü", 64), ("\u{660}", 64), ("\u{660}", 1_000_000), ("\u{6f0}", 1_000_000), ("\u{30fb}", 1_000_000)]
        {
            assert_eq!(to_ascii(&c.repeat(count)), None, "{count} of {c}");
        }
        // In lower case it is longer, not shorter.
        assert_eq!(to_ascii(&"\u{130}".repeat(63)), None);
    }

    // URL-13: the answers are those of Python's idna.
    #[test]
    fn characters_that_need_a_context_are_allowed_in_it_only() {
        for (label, want) in [
            ("\u{375}α", Some("xn--wva4j")),
            ("\u{375}a", None),
            ("α\u{375}", None),
            ("א\u{5f3}", Some("xn--4db4e")),
            ("א\u{5f4}", Some("xn--4db6e")),
            ("a\u{5f3}", None),
            ("ア・ア", Some("xn--ccka0y")),
            ("・ア", Some("xn--cckyj")),
            ("の・", Some("xn--u9j1p")),
            ("漢・字", Some("xn--vek488jjom")),
            ("・", None),
            ("a・b", None),
            ("ب\u{660}", Some("xn--ngb6i")),
            ("ب\u{6f0}", Some("xn--ngb41b")),
            ("ب\u{660}\u{6f0}", None),
        ] {
            assert_eq!(to_ascii(label).as_deref(), want, "{label:?}");
        }
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(DISALLOWED.iter().all(|(first, last)| first <= last));
        assert!(DISALLOWED.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}
