//! The encodings of the web before UTF-8, with encoding_rs.
#![cfg(feature = "charset")]

use encoding_rs::{
    BIG5, Decoder, DecoderResult, EUC_JP, EUC_KR, Encoding, GB18030, GBK, ISO_2022_JP, ISO_8859_13, ISO_8859_14,
    ISO_8859_15, ISO_8859_16, KOI8_R, KOI8_U, MACINTOSH, REPLACEMENT, SHIFT_JIS, WINDOWS_874, X_MAC_CYRILLIC,
};

use super::Charset;
use super::decode::plain;
use super::incremental::Feed;

/// The encoding for a name of the web, or otherwise of Python.
pub(super) fn named(name: &str) -> Option<&'static dyn Charset> {
    let plain = plain(name);
    if GB2312_NAMES.contains(&plain.as_str()) {
        return Some(&Gb2312);
    }
    let number = CODE_PAGES.iter().find_map(|prefix| plain.strip_prefix(prefix)).unwrap_or(&plain);
    let encoding = Encoding::for_label(name.as_bytes())
        .or_else(|| Encoding::for_label(name.replace('_', "-").as_bytes()))
        .or_else(|| Encoding::for_label(plain.as_bytes()))
        .or_else(|| ALIASES.iter().find(|(alias, _)| [number, &plain].contains(alias)).map(|(_, encoding)| *encoding))
        .or_else(|| Encoding::for_label(format!("windows-{number}").as_bytes()))
        .or_else(|| {
            let part = plain.strip_prefix("cs").unwrap_or(&plain).strip_prefix("iso8859")?;
            Encoding::for_label(format!("iso-8859-{part}").as_bytes())
        })?;
    // An encoding that the web refuses to read does not count.
    if encoding == REPLACEMENT { None } else { Some(encoding) }
}

/// Prefixes of the numbers of Microsoft's code pages.
const CODE_PAGES: [&str; 4] = ["windows", "cswindows", "cp", "ms"];

impl Charset for Encoding {
    fn decode(&'static self, bytes: &[u8]) -> String {
        self.new_decoder_without_bom_handling().feed(bytes, true)
    }

    fn feed(&'static self) -> Box<dyn Feed> {
        Box::new(self.new_decoder_without_bom_handling())
    }

    fn keeps_ascii(&'static self) -> bool {
        self.is_ascii_compatible()
    }
}

impl Feed for Decoder {
    /// As in Python, each byte of an invalid sequence becomes one U+FFFD.
    fn feed(&mut self, bytes: &[u8], is_last: bool) -> String {
        let mut text = String::new();
        let mut rest = bytes;
        loop {
            let room = self.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(rest.len());
            text.reserve(room);
            let (result, used) = self.decode_to_string_without_replacement(rest, &mut text, is_last);
            rest = &rest[used..];
            match result {
                DecoderResult::InputEmpty => return text,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, _) => text.extend((0..length).map(|_| char::REPLACEMENT_CHARACTER)),
            }
        }
    }
}

/// Python's names that are not labels of the web, without case and punctuation; Microsoft's code pages by number.
static ALIASES: &[(&str, &Encoding)] = &[
    ("932", SHIFT_JIS),
    ("936", GBK),
    ("950", BIG5),
    ("big5hkscs", BIG5),
    ("big5tw", BIG5),
    ("eucjp", EUC_JP),
    ("euckr", EUC_KR),
    ("gb180302000", GB18030),
    ("hkscs", BIG5),
    ("iso2022jp", ISO_2022_JP),
    ("isoceltic", ISO_8859_14),
    ("isoir166", WINDOWS_874),
    ("isoir199", ISO_8859_14),
    ("isoir226", ISO_8859_16),
    ("kanji", SHIFT_JIS),
    ("koi8r", KOI8_R),
    ("koi8u", KOI8_U),
    ("ksc56011987", EUC_KR),
    ("ksx1001", EUC_KR),
    ("l10", ISO_8859_16),
    ("l7", ISO_8859_13),
    ("l8", ISO_8859_14),
    ("latin10", ISO_8859_16),
    ("latin7", ISO_8859_13),
    ("latin8", ISO_8859_14),
    ("latin9", ISO_8859_15),
    ("maccyrillic", X_MAC_CYRILLIC),
    ("macroman", MACINTOSH),
    ("shiftjis", SHIFT_JIS),
    ("thai", WINDOWS_874),
    ("tis620", WINDOWS_874),
    ("tis6200", WINDOWS_874),
    ("tis62025290", WINDOWS_874),
    ("tis62025291", WINDOWS_874),
    ("cstis620", WINDOWS_874),
    ("uhc", EUC_KR),
    ("ujis", EUC_JP),
    ("xmacjapanese", SHIFT_JIS),
    ("xmackorean", EUC_KR),
    ("xmactradchinese", BIG5),
];

const GB2312_NAMES: &[&str] = &[
    "gb2312",
    "gb231280",
    "gb23121980",
    "chinese",
    "csgb2312",
    "csiso58gb231280",
    "euccn",
    "eucgb2312cn",
    "isoir58",
    "xmacsimpchinese",
];

/// The web reads GB 2312 as GBK; Python does not. Characters that only GBK has are invalid, as in requests.
struct Gb2312;

impl Charset for Gb2312 {
    fn decode(&'static self, mut bytes: &[u8]) -> String {
        let mut text = String::with_capacity(bytes.len());
        loop {
            let (known, rest) = bytes.split_at(gb2312_prefix(bytes));
            text.push_str(&GBK.decode_without_bom_handling(known).0);
            let Some((_, rest)) = rest.split_first() else { return text };
            text.push(char::REPLACEMENT_CHARACTER);
            bytes = rest;
        }
    }

    fn feed(&'static self) -> Box<dyn Feed> {
        Box::new(Gb2312Feed { lead: None })
    }

    fn keeps_ascii(&'static self) -> bool {
        true
    }
}

/// A text in GB 2312 that arrives in pieces.
struct Gb2312Feed {
    /// The first byte of a pair whose second has not arrived.
    lead: Option<u8>,
}

impl Feed for Gb2312Feed {
    fn feed(&mut self, bytes: &[u8], is_last: bool) -> String {
        let mut all: Vec<u8> = self.lead.take().into_iter().chain(bytes.iter().copied()).collect();
        let mut at = 0;
        while at < all.len() {
            // A byte that is no character is skipped, as `decode` does.
            at += gb2312_prefix(&all[at..]);
            if !is_last && at + 1 == all.len() && matches!(all[at], 0xa1..=0xf7) {
                self.lead = all.pop();
            }
            at += 1;
        }
        Gb2312.decode(&all)
    }
}

/// The length of the prefix that is ASCII or within the rows of GB 2312.
fn gb2312_prefix(bytes: &[u8]) -> usize {
    let mut length = 0;
    loop {
        match bytes[length..] {
            [0..=0x7f, ..] => length += 1,
            [0xa1..=0xf7, 0xa1..=0xfe, ..] => length += 2,
            _ => return length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, bytes: &[u8]) -> Option<String> {
        named(name).map(|charset| charset.decode(bytes))
    }

    // RESP-17: what Python makes of bytes that fit some encodings and not others
    #[test]
    fn each_byte_that_is_no_character_becomes_one_mark() {
        let bytes = b"caf\xc3\xa9 \xe2\x82\xac \xff end";
        for (name, want) in [
            ("gb2312", "caf\u{8305} \u{fffd}\u{fffd}\u{fffd} \u{fffd} end"),
            ("gbk", "caf\u{8305} \u{9227}\u{fffd} \u{fffd} end"),
            ("gb18030", "caf\u{8305} \u{9227}\u{fffd} \u{fffd} end"),
            ("big5", "caf\u{77c7} \u{fffd}\u{fffd}\u{fffd} \u{fffd} end"),
            ("euc_jp", "caf\u{8fbf} \u{fffd}\u{fffd}\u{fffd} \u{fffd} end"),
            ("euc-kr", "caf\u{cc55} \u{fffd}\u{fffd}\u{fffd} \u{fffd} end"),
            ("shift_jis", "caf\u{ff83}\u{ff69} \u{7ac4}\u{ff6c} \u{fffd} end"),
            ("iso8859-15", "caf\u{c3}\u{a9} \u{e2}\u{82}\u{ac} \u{ff} end"),
            ("iso-8859-2", "caf\u{102}\u{160} \u{e2}\u{82}\u{179} \u{2d9} end"),
            ("iso-8859-5", "caf\u{423}\u{409} \u{442}\u{82}\u{40c} \u{45f} end"),
            ("iso-8859-7", "caf\u{393}\u{a9} \u{3b2}\u{82}\u{ac} \u{fffd} end"),
            ("windows-1250", "caf\u{102}\u{a9} \u{e2}\u{201a}\u{ac} \u{2d9} end"),
            ("windows-1251", "caf\u{413}\u{a9} \u{432}\u{201a}\u{ac} \u{44f} end"),
            ("windows-1252", "caf\u{c3}\u{a9} \u{e2}\u{201a}\u{ac} \u{ff} end"),
            ("windows-1253", "caf\u{393}\u{a9} \u{3b2}\u{201a}\u{ac} \u{fffd} end"),
            ("koi8-r", "caf\u{446}\u{2558} \u{411}\u{250c}\u{255b} \u{42a} end"),
            ("cp866", "caf\u{251c}\u{439} \u{442}\u{412}\u{43c} \u{a0} end"),
        ] {
            assert_eq!(read(name, bytes).as_deref(), Some(want), "{name}");
        }
    }

    #[test]
    fn names_of_python_and_of_the_web_are_known_in_any_spelling() {
        for (names, bytes, want) in [
            (&["koi8-r", "KOI8_R", "koi8r", "cskoi8r"][..], &b"\xc1\xc2"[..], "аб"),
            (&["cp1251", "windows-1251", "windows_1251", "1251", "Windows1251"], b"\xe0", "а"),
            (&["big5", "Big5-HKSCS", "big5hkscs", "hkscs", "cp950", "950", "big5_tw"], b"\xa4\xa4\xa4\xe5", "中文"),
            (&["euc-kr", "euckr", "EUC_KR", "uhc", "cp949", "ms949", "949", "ks_c_5601-1987"], b"\xc7\xd1", "한"),
            (
                &["gb2312", "GB_2312-80", "euc-cn", "gbk", "cp936", "ms936", "936", "gb18030"],
                b"\xd6\xd0\xce\xc4",
                "中文",
            ),
            (&["shift_jis", "shift-jis", "sjis", "s_jis", "cp932", "ms_kanji", "windows-31j"], b"\x83\x65", "テ"),
            (&["euc-jp", "eucjp", "ujis"], b"\xa5\xc6", "テ"),
            (&["iso-2022-jp", "ISO2022_JP", "csiso2022jp"], b"\x1b$B%F\x1b(B", "テ"),
            (&["iso-8859-15", "iso8859_15", "latin9", "l9"], b"\xa4", "€"),
            (&["mac_roman", "macintosh"], b"\x8e", "é"),
            (&["iso8859_7", "greek"], b"\xe1", "α"),
            // standards by their editions
            (&["iso_8859_2_1987", "ISO_8859-2:1987", "iso-8859-2", "iso8859_2", "iso88592"], b"\xb1", "ą"),
            (&["iso_8859_5_1988", "ISO_8859-5:1988", "iso8859_5", "csisolatincyrillic"], b"\xd0", "а"),
            (&["iso_8859_10_1992", "iso8859_10", "csISO885910"], b"\xaf", "Ŋ"),
            (&["iso_8859_13_1998", "iso8859_13", "csISO885913"], b"\xfe", "ž"),
            (&["iso_8859_14_1998", "iso8859_14", "iso_celtic", "iso_ir_199", "csISO885914"], b"\xa1", "Ḃ"),
            (&["iso_8859_15_1999", "csISO885915"], b"\xa4", "€"),
            (
                &["iso8859_16", "iso-8859-16", "iso_8859_16", "iso_8859_16_2001", "iso_ir_226", "csISO885916", "L10"],
                b"\xaa",
                "Ș",
            ),
            (&["tis620", "TIS-620", "tis_620", "tis_620_2529_1", "tis_620_0", "iso_ir_166", "csTIS620"], b"\xa1", "ก"),
            (&["iso8859_11", "iso_8859_11_2001", "thai", "cp874", "874"], b"\xa1", "ก"),
            (&["ks_x_1001", "KSX1001", "ks_c_5601_1987", "ks_c_5601", "x_mac_korean"], b"\xc7\xd1", "한"),
            (&["gb18030_2000", "GB18030:2022"], b"\xd6\xd0", "中"),
        ] {
            for name in names {
                assert_eq!(read(name, bytes).as_deref(), Some(want), "{name}");
            }
        }
        for name in [
            "",
            "klingon",
            "utf-7",
            "hz",
            "iso-2022-kr",
            "windows",
            "99",
            "é",
            "iso_8859_12_2001",
            "iso_8859_99",
            "iso8859_2_87",
            "cp437",
            "ibm850",
        ] {
            assert!(named(name).is_none(), "{name}");
        }
    }
}
