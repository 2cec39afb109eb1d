//! Tests of complete bodies, with every coding of the build.

#[cfg(any(feature = "gzip", feature = "zstd"))]
use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::error::{Error, ErrorKind};
use crate::message::coding::accept_encoding::TABLE;
use crate::message::coding::decode::Step;
use crate::message::coding::decoder;

const NONE: DecodeLimits = DecodeLimits { max_decoded_bytes: None, max_expansion_ratio: None };

/// The names of the codings of this build.
fn codings() -> impl Iterator<Item = &'static str> {
    TABLE.iter().copied().flatten().map(|coding| coding.name())
}

fn encode(coding: &str, plain: &[u8]) -> Vec<u8> {
    match coding {
        #[cfg(feature = "gzip")]
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        #[cfg(feature = "gzip")]
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        #[cfg(feature = "gzip")]
        "raw deflate" => {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        #[cfg(feature = "brotli")]
        "br" => stored_brotli(plain),
        #[cfg(feature = "zstd")]
        "zstd" => {
            let mut encoder = ::zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        _ => unreachable!("{coding} for {} bytes", plain.len()),
    }
}

/// Uncompressed meta-blocks (RFC 7932 §9.2): there is no brotli encoder among our crates.
#[cfg(feature = "brotli")]
fn stored_brotli(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut shift = 1; // the first block comes after one bit for the window
    for block in plain.chunks(1 << 16) {
        let header = ((block.len() as u32 - 1) << 3 | 1 << 19) << shift;
        out.extend_from_slice(&header.to_le_bytes()[..3]);
        out.extend_from_slice(block);
        shift = 0;
    }
    out.push(3 << shift);
    out
}

/// The coding's name as a header has it: the two formats of deflate share one.
fn header(coding: &str) -> &str {
    coding.strip_prefix("raw ").unwrap_or(coding)
}

fn reader<'a>(coding: &'a str, body: &'a [u8]) -> Coded<&'a [u8]> {
    decoder([header(coding)].into_iter(), NONE, body)
}

fn decode(coding: &str, body: &[u8]) -> Result<Vec<u8>, Error> {
    let mut plain = Vec::new();
    reader(coding, body).read_to_end(&mut plain)?;
    Ok(plain)
}

/// Returns at most `piece` bytes for each read.
struct Torn<'a> {
    bytes: &'a [u8],
    piece: usize,
}

impl Read for Torn<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.piece.min(out.len());
        self.bytes.read(&mut out[..n])
    }
}

/// Reads in steps of `size` until the end or an error.
fn read_by(mut reader: impl Read, size: usize) -> (Vec<u8>, Result<(), Error>) {
    let (mut all, mut buffer) = (Vec::new(), vec![0; size]);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return (all, Ok(())),
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) => return (all, Err(error.into())),
        }
    }
}

fn text(len: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let word = |n: u32| ["alpha ", "beta ", "gamma\n", "delta ", "ε "][n as usize % 5].bytes();
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        word(state >> 24)
    });
    words.flatten().take(len).collect()
}

#[test]
fn a_body_without_a_coding_is_read_as_it_came() {
    for headers in [&[][..], &["identity"], &["foo"], &[""], &["identity, identity"]] {
        let mut reader = decoder(headers.iter().copied(), DecodeLimits::default(), &b"as it came"[..]);
        assert!(reader.is_plain());

        let mut read = String::new();
        reader.read_to_string(&mut read).unwrap();

        assert_eq!(read, "as it came");
        assert!(!reader.has_decoded());
    }
}

#[test]
fn torn_at_each_byte_and_read_in_any_size_it_is_the_same_body() {
    for coding in codings().chain(cfg!(feature = "gzip").then_some("raw deflate")) {
        for len in [0, 1, 29, 1800, 70_000] {
            let plain = text(len);
            let coded = encode(coding, &plain);
            for (piece, size) in
                [(1, 1), (1, 40_000), (2, 7), (3, 100), (1 << 20, 3), (1 << 20, DIRECT), (100, 1 << 20)]
            {
                if len * 3 > size * 100_000 {
                    continue;
                }
                let torn = Torn { bytes: &coded, piece };
                let (read, end) = read_by(decoder([header(coding)].into_iter(), NONE, torn), size);

                assert!(end.is_ok(), "{coding} {len} {piece} {size} {end:?}");
                assert!(read == plain, "{coding} {len} {piece} {size}");
            }
            assert!(decode(coding, &coded).unwrap() == plain, "{coding} {len}");
        }
    }
}

// DEC-04
#[test]
fn a_body_cut_anywhere_is_an_error_after_what_could_be_decoded() {
    let plain = text(1800);
    for coding in codings().chain(cfg!(feature = "gzip").then_some("raw deflate")) {
        let coded = encode(coding, &plain);
        for cut in 1..coded.len() {
            let (read, end) = read_by(reader(coding, &coded[..cut]), 64);

            let error = end.expect_err(&format!("{coding} cut at {cut}"));
            assert_eq!(error.kind(), ErrorKind::ContentDecodingError);
            assert_eq!(error.to_string(), format!("{} body ended early, after {cut} bytes", header(coding)));
            assert!(plain.starts_with(&read), "{coding} {cut}");
        }
    }
}

// DEC-11
#[test]
fn an_empty_body_is_empty_whatever_its_coding() {
    for coding in codings().chain(["gzip, deflate, br, zstd", "gzip,gzip,gzip,gzip,gzip,gzip"]) {
        assert_eq!(decode(coding, b"").unwrap(), b"", "{coding}");
    }
}

// DEC-03, DEC-07
#[test]
fn several_members_or_frames_are_one_body_and_a_cut_in_any_is_an_error() {
    let (first, second) = (text(700), text(300));
    for coding in codings().filter(|name| ["gzip", "zstd"].contains(name)) {
        let whole = encode(coding, &first);
        let two = [whole.clone(), encode(coding, &second)].concat();
        let three = [two.as_slice(), &encode(coding, b"")].concat();

        assert_eq!(decode(coding, &three).unwrap(), [first.as_slice(), &second].concat(), "{coding}");
        for cut in 0..=two.len() {
            for piece in [1, usize::MAX] {
                let torn = Torn { bytes: &two[..cut], piece };
                let (read, end) = read_by(decoder([coding].into_iter(), NONE, torn), 100);
                if [0, whole.len(), two.len()].contains(&cut) {
                    assert!(end.is_ok(), "{coding} {cut} {end:?}");
                } else {
                    assert_eq!(end.unwrap_err().kind(), ErrorKind::ContentDecodingError, "{coding} {cut}");
                }
                assert!(cut < whole.len() || read.starts_with(&first), "{coding} {cut}");
            }
        }
    }
}

#[test]
fn a_corrupt_member_or_frame_is_no_junk() {
    for coding in codings().filter(|name| ["gzip", "zstd"].contains(name)) {
        let mut two = [encode(coding, b"first"), encode(coding, b"second")].concat();
        let last = two.len() - 1; // of a length or a checksum
        two[last] ^= 1;

        let (read, end) = read_by(reader(coding, &two), 5);

        assert!(read.starts_with(b"first"), "{coding}");
        assert!(end.unwrap_err().to_string().starts_with("body cannot be decoded as "), "{coding}");
    }
}

// DEC-03
#[test]
fn junk_after_the_body_is_ignored_and_read_to_its_end() {
    for coding in codings().chain(cfg!(feature = "gzip").then_some("raw deflate")) {
        let whole = encode(coding, b"the body");
        for junk in [&b"\0\0\0\0\0\0\0\0"[..], b"\n", b"\x1f\x8b\x07 not gzip", b"(\xb5/\xfenot zstd", &[0xaa; 100_000]]
        {
            for piece in [1, usize::MAX] {
                let bytes = [whole.as_slice(), junk].concat();
                let mut reader = decoder([header(coding)].into_iter(), NONE, Torn { bytes: &bytes, piece });

                let mut read = Vec::new();
                reader.read_to_end(&mut read).unwrap();

                assert_eq!(read, b"the body", "{coding} {junk:?}");
                assert!(reader.inner().bytes.is_empty(), "{coding} {junk:?}");
            }
        }
    }
}

// DEC-05
#[test]
fn corrupt_data_is_an_error_each_time_it_is_read() {
    let plain = text(3000);
    for coding in codings().filter(|name| *name != "br") {
        let coded = encode(coding, &plain);
        for at in 0..coded.len() {
            // the gzip header has bytes that mean nothing: time, level, system
            if coding == "gzip" && (3..10).contains(&at) {
                continue;
            }
            let mut bad = coded.clone();
            bad[at] ^= 0x55;
            let mut reader = reader(coding, &bad);
            let mut read = Vec::new();
            let Err(error) = reader.read_to_end(&mut read) else {
                assert_eq!(read, plain, "{coding} {at}");
                continue;
            };
            let again = reader.read(&mut [0; 10]).unwrap_err();

            let error = Error::from(error);
            assert_eq!(error.kind(), ErrorKind::ContentDecodingError, "{coding} {at}");
            assert_eq!(Error::from(again).to_string(), error.to_string(), "{coding} {at}");
        }
    }
    for coding in codings() {
        let error = decode(coding, &b"The quick brown fox".repeat(100)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ContentDecodingError, "{coding}");
        assert!(error.to_string().starts_with(&format!("body cannot be decoded as {coding}: ")), "{error}");
    }
}

#[cfg(feature = "gzip")]
#[test]
fn a_gzip_body_with_a_wrong_checksum_or_length_is_an_error() {
    let coded = encode("gzip", b"data to check");
    for (at, want) in [(8, "incorrect data check"), (4, "incorrect length check")] {
        let mut bad = coded.clone();
        let at = bad.len() - at;
        bad[at] ^= 1;

        let error = decode("gzip", &bad).unwrap_err();

        assert_eq!(error.to_string(), format!("body cannot be decoded as gzip: {want}"));
    }
}

/// What real encoders made of one text, and brotli of a compressor's making, which no other test here has.
#[cfg(all(feature = "gzip", feature = "brotli", feature = "zstd"))]
#[test]
fn bodies_of_other_encoders_decode() {
    use base64::Engine as _;
    let plain = b"The quick brown fox jumps over the lazy dog. ".repeat(40);
    for (coding, base64) in [
        ("deflate", "eJwLyUhVKCzNTM5WSCrKL89TSMuvUMgqzS0oVsgvSy1SKAFK5yRWVSqk5KfrKYSMKh5VPKp4VPGo4lHFw0sxAIgKhjc="),
        ("br", "GwcHiCwOeNPQlV2XELsXK6nK0JLMjK1BXObyNsgZnp4Ke4MNOHBIIG8kv0GnFc4cHieqKTjCqXSfBgM="),
        ("zstd", "KLUv/WAIBrUBANQCVGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZy4gAQDFFv6qDA=="),
        // several codings (DEC-08)
        (
            "br,gzip",
            "H4sIAAAAAAACAwE7AMT/GwcHiCwOeNPQlV2XELsXK6nK0JLMjK1BXObyNsgZnp4Ke4MNOHBIIG8kv0GnFc4cHieqKTjCqXSfBgORQOhuOwAAAA==",
        ),
        // a header with extra field, name and comment
        (
            "gzip",
            "H4sIHAAAAAAAAwMAYWJjbmFtZS50eHQAY29tbWVudAALyUhVKCzNTM5WSCrKL89TSMuvUMgqzS0oVsgvSy1SKAFK5yRWVSqk5KfrKYSMKh5VPKp4VPGo4lHFw0sxAObDlWQIBwAA",
        ),
    ] {
        let coded = base64::engine::general_purpose::STANDARD.decode(base64).unwrap();

        assert_eq!(decode(coding, &coded).unwrap(), plain, "{coding}");
        for cut in 1..coded.len() {
            for size in [7, 100_000] {
                let (_, end) = read_by(reader(coding, &coded[..cut]), size);
                assert_eq!(end.unwrap_err().kind(), ErrorKind::ContentDecodingError, "{coding} {cut}");
            }
        }
        for at in 0..coded.len() {
            let mut bad = coded.clone();
            bad[at] ^= 0xff;
            let _ = decode(coding, &bad); // whatever it gives, it does not panic
        }
    }
}

// DEC-08, DEC-10
#[test]
fn five_codings_are_undone_and_six_refused() {
    let plain = text(500);
    for coding in codings() {
        let mut coded = plain.clone();
        for layers in 1..=6 {
            coded = encode(coding, &coded);
            let list = vec![coding; layers].join(", ");
            match decode(&list, &coded) {
                Ok(read) => assert!(layers <= 5 && read == plain, "{list}"),
                Err(error) => assert_eq!(
                    (layers, error.to_string().as_str()),
                    (6, "too many content codings: 6, at most 5"),
                    "{list}"
                ),
            }
            if layers == 3 {
                for cut in 1..coded.len() {
                    let (_, end) = read_by(reader(&list, &coded[..cut]), 50);
                    assert_eq!(end.unwrap_err().kind(), ErrorKind::ContentDecodingError, "{list} {cut}");
                }
            }
        }
    }
}

// DEC-12
#[test]
fn a_small_read_takes_a_bounded_amount_of_input_and_of_room() {
    for coding in codings() {
        let coded = encode(coding, &vec![0; 4 << 20]);
        let mut reader = reader(coding, &coded);

        let n = reader.read(&mut [0; 1000]).unwrap();

        assert!(n > 0, "{coding}");
        assert!(reader.taken <= INPUT as u64, "{coding}");
        assert!(reader.decoded <= DIRECT as u64, "{coding}");
        assert!(reader.has_decoded());
    }
}

#[test]
fn max_decoded_bytes_lets_that_many_through_and_no_more() {
    let plain = text(50_000);
    for coding in codings().chain(["identity"]) {
        let coded = if coding == "identity" { plain.clone() } else { encode(coding, &plain) };
        for (max, size) in
            [(0, 10), (1, 1), (49_999, 1000), (49_999, 1 << 20), (50_000, 77), (50_000, 1 << 20), (50_001, 5)]
        {
            let limits = DecodeLimits { max_decoded_bytes: Some(max), ..NONE };
            let (read, end) = read_by(decoder([coding].into_iter(), limits, coded.as_slice()), size);

            assert_eq!(read, &plain[..plain.len().min(max as usize)], "{coding} {max} {size}");
            match end {
                Ok(()) => assert!(max >= 50_000, "{coding} {max} {size}"),
                Err(error) => {
                    assert!(max < 50_000, "{coding} {max} {size}");
                    assert_eq!(error.kind(), ErrorKind::ContentDecodingError);
                    assert_eq!(error.to_string(), format!("body is larger than max_decoded_bytes: {max}"));
                }
            }
            let mut all = Vec::new();
            let whole = decoder([coding].into_iter(), limits, coded.as_slice()).read_to_end(&mut all);
            assert_eq!((whole.is_ok(), all), (max >= 50_000, read), "{coding} {max}");
        }
    }
}

/// Bodies that continue forever and decode to nothing more, after the end of a coding or without one.
fn endless(coding: &str) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let body = encode(coding, b"hi");
    let mut all = vec![("zeros", body.clone(), vec![0]), ("junk", body.clone(), b"junk ".to_vec())];
    match coding {
        "gzip" => {
            all.push(("empty members", body, encode(coding, b"")));
            all.push(("a name without an end", b"\x1f\x8b\x08\x08\0\0\0\0\0\x03".to_vec(), b"name".to_vec()));
            all.push(("empty blocks", b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(), b"\0\0\0\xff\xff".to_vec()));
        }
        "deflate" => all.push(("empty blocks", b"\x78\x9c".to_vec(), b"\0\0\0\xff\xff".to_vec())),
        "raw deflate" => all.push(("empty blocks", Vec::new(), b"\0\0\0\xff\xff".to_vec())),
        // A window of 16 bits, then meta-blocks without a length (RFC 7932 §9.2), which end on a byte.
        "br" => all.push(("empty meta-blocks", vec![0x0c], vec![0x06])),
        "zstd" => {
            all.push(("empty frames", body.clone(), encode(coding, b"")));
            all.push(("skipped frames", body.clone(), b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec()));
            all.push(("a skipped frame of 4 GiB", [&body[..], b"\x50\x2a\x4d\x18\xff\xff\xff\xff"].concat(), vec![0]));
        }
        _ => unreachable!("{coding}"),
    }
    all
}

#[test]
fn max_decoded_bytes_ends_what_goes_on_for_ever_and_decodes_to_nothing() {
    for coding in codings().chain(cfg!(feature = "gzip").then_some("raw deflate")) {
        for (what, start, block) in endless(coding) {
            for (max, size) in [(2, 1), (2, 100), (1000, 1 << 20), (100_000, 1 << 16)] {
                let limits = DecodeLimits { max_decoded_bytes: Some(max), max_expansion_ratio: Some(200) };
                let wire = start.as_slice().chain(Cycle { block: &block, at: 0 });
                let mut reader = decoder([header(coding)].into_iter(), limits, wire.take(1 << 30));
                let (read, end) = read_by(&mut reader, size);

                let error = end.expect_err(&format!("{coding}, {what}"));
                assert_eq!(error.kind(), ErrorKind::ContentDecodingError, "{coding}, {what}");
                assert!(error.to_string().contains("max_decoded_bytes"), "{coding}, {what}: {error}");
                assert!([&b""[..], b"hi"].contains(&read.as_slice()), "{coding}, {what}");
                let most = max + max / 8 + DecodeLimits::FRAME + INPUT as u64;
                assert!(reader.taken <= most, "{coding}, {what}: {} of {most}", reader.taken);
            }
        }
    }
}

#[test]
fn what_a_coding_cannot_make_smaller_fits_its_own_length() {
    let mut random = fastrand::Rng::with_seed(7);
    for length in [0, 1, 2, 20, 1000, 40_000] {
        let plain: Vec<u8> = std::iter::repeat_with(|| random.u8(144..)).take(length).collect();
        for coding in codings() {
            // Each layer adds its own frame.
            for layers in 1..=5 {
                let list = vec![coding; layers].join(", ");
                let coded = (0..layers).fold(plain.clone(), |plain, _| encode(coding, &plain));
                let limits = DecodeLimits { max_decoded_bytes: Some(length as u64), ..NONE };
                let (read, end) = read_by(decoder([list.as_str()].into_iter(), limits, coded.as_slice()), 5000);

                assert!(end.is_ok() && read == plain, "{list}, {length}: {end:?}");
            }
        }
    }
}

/// The same bytes over and over.
struct Cycle<'a> {
    block: &'a [u8],
    at: usize,
}

impl Read for Cycle<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        for byte in out.iter_mut() {
            *byte = self.block[self.at];
            self.at = (self.at + 1) % self.block.len();
        }
        Ok(out.len())
    }
}

#[test]
fn a_part_is_decoded_as_far_as_it_goes() {
    let plain = text(1800);
    for coding in codings().chain(cfg!(feature = "gzip").then_some("raw deflate")).chain(["gzip, deflate"]) {
        if coding.contains(',') && !cfg!(feature = "gzip") {
            continue;
        }
        let coded = coding.split(", ").fold(plain.clone(), |plain, coding| encode(coding, &plain));
        let mut most = 0;
        for cut in 0..=coded.len() {
            let mut reader = reader(coding, &coded[..cut]);
            reader.may_be_cut();
            let (read, end) = read_by(&mut reader, 64);

            assert!(end.is_ok(), "{coding} cut at {cut}: {end:?}");
            assert!(plain.starts_with(&read) && read.len() >= most, "{coding} cut at {cut}");
            most = read.len();
        }
        assert_eq!(most, plain.len(), "{coding}");
    }
    for coding in codings() {
        let coded = encode(coding, &plain);
        let mut reader = reader(coding, &coded[coded.len() / 2..]);
        reader.may_be_cut();
        let (read, end) = read_by(&mut reader, 64);

        // Some codings find sense in the middle of their data, though not for long.
        if read.is_empty() {
            let text = end.unwrap_err().to_string();
            assert!(text.ends_with("ask for it without a coding"), "{coding}: {text}");
        }
    }
}

/// Decodes each byte to this many zeros.
struct Grow {
    times: usize,
    owed: usize,
}

impl Decode for Grow {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, String> {
        let used = if self.owed == 0 { input.len() } else { 0 };
        self.owed += used * self.times;
        let filled = self.owed.min(out.len());
        out[..filled].fill(0);
        self.owed -= filled;
        Ok(Step { used, filled, ended: false })
    }

    fn may_end(&self) -> bool {
        true
    }
}

#[test]
fn a_bomb_is_stopped_by_its_ratio_in_any_stage_and_only_past_the_floor() {
    const MIB: usize = 1 << 20;
    let read = |stages: &[usize], input: usize, ratio| {
        let grow = |&times| ("grow", Box::new(Grow { times, owed: 0 }) as Box<dyn Decode>);
        let limits = DecodeLimits { max_expansion_ratio: ratio, ..NONE };
        let mut reader = Coded::new(io::repeat(0).take(input as u64), stages.iter().map(grow).collect(), limits, None);
        let (mut buffer, mut read) = (vec![0; MIB], 0);
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return (read, None),
                Ok(n) => read += n,
                Err(error) => return (read, Some(Error::from(error))),
            }
        }
    };

    // as a 10 GiB bomb in 10 MiB
    let (whole, error) = read(&[1000], 10 * MIB, Some(200));
    let error = error.expect("stopped");
    assert_eq!(error.kind(), ErrorKind::ContentDecodingError);
    assert_eq!(error.to_string(), "body grows more than 200 times when decoded: see max_expansion_ratio");
    assert!((63 * MIB..=64 * MIB).contains(&whole), "{whole}");

    // what a stage in the middle makes counts too, though nothing of it comes out
    let (whole, error) = read(&[1000, 0], 10 * MIB, Some(200));
    assert!(error.is_some() && whole == 0, "{whole}");
    let (_, error) = read(&[20, 20], 10 * MIB, Some(200));
    assert!(error.is_some());

    for (stages, input, ratio) in [
        (&[1000][..], 60_000, Some(200)),
        (&[190], MIB, Some(200)),
        (&[14, 14], MIB, Some(200)),
        (&[1000], MIB / 8, None),
    ] {
        let (whole, error) = read(stages, input, ratio);
        assert!(error.is_none());
        assert_eq!(whole, input * stages.iter().product::<usize>());
    }
}

#[test]
fn errors_of_the_inner_reader_pass_through_and_reading_goes_on() {
    struct Stalling<'a>(&'a [u8], u32);
    impl Read for Stalling<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.1 += 1;
            match self.1 % 3 {
                0 => Err(Error::message(ErrorKind::ReadTimeout, "read timed out after 5s").into()),
                1 => Err(io::ErrorKind::Interrupted.into()),
                _ => self.0.read(&mut out[..1]),
            }
        }
    }
    for coding in codings() {
        let coded = [encode(coding, b"slowly"), b"junk".to_vec()].concat();
        let mut reader = decoder([coding].into_iter(), NONE, Stalling(&coded, 0));
        let (mut read, mut errors) = (Vec::new(), Vec::new());
        loop {
            let mut piece = [0; 2];
            match reader.read(&mut piece) {
                Ok(0) => break,
                Ok(n) => read.extend_from_slice(&piece[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => errors.push(Error::from(error).kind()),
            }
        }
        assert_eq!(read, b"slowly", "{coding}");
        assert!(errors.len() > 5 && errors.iter().all(|kind| *kind == ErrorKind::ReadTimeout), "{coding} {errors:?}");
    }
}

#[cfg(feature = "zstd")]
#[test]
fn a_zstd_window_above_8_mib_is_refused() {
    for (log, fits) in [(23, true), (24, false)] {
        let mut encoder = ::zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(log).unwrap();
        encoder.write_all(b"a frame of unknown size has the window it asks for").unwrap();
        let coded = encoder.finish().unwrap();

        assert_eq!(decode("zstd", &coded).is_ok(), fits, "{log}");
    }
}

#[cfg(feature = "zstd")]
#[test]
fn skippable_zstd_frames_are_skipped() {
    let frame = encode("zstd", b"seen");
    let skipped = b"\x5a\x2a\x4d\x18\x03\0\0\0abc";
    for frames in [&[&skipped[..], &frame][..], &[&frame, skipped], &[skipped, skipped, &frame, skipped]] {
        for piece in [1, usize::MAX] {
            let bytes = frames.concat();
            let (read, end) = read_by(decoder(["zstd"].into_iter(), NONE, Torn { bytes: &bytes, piece }), 10);

            assert!(end.is_ok(), "{end:?}");
            assert_eq!(read, b"seen");
        }
    }
}

#[cfg(feature = "brotli")]
#[test]
fn a_large_window_brotli_stream_is_refused() {
    // 0x11, then 30 bits of window
    assert!(decode("br", &[0x11, 0x1e, 0x03, 0, 0, 0]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_encoded_by_any_chain_is_decoded(
        plain in proptest::collection::vec(prop_oneof![Just(b'a'), any::<u8>()], 0..5000),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..=5),
        piece in 1..3000_usize,
        size in prop_oneof![1..300_usize, Just(1 << 16)],
    ) {
        let known: Vec<_> = codings().collect();
        let picks = picks.iter().take(if known.is_empty() { 0 } else { 5 });
        let list: Vec<_> = picks.map(|pick| *pick.get(&known)).collect();
        let coded = list.iter().fold(plain.clone(), |plain, coding| encode(coding, &plain));

        let (read, end) = read_by(decoder(list.into_iter(), NONE, Torn { bytes: &coded, piece }), size);

        prop_assert!(end.is_ok(), "{end:?}");
        prop_assert_eq!(read, plain);
    }

    #[test]
    fn no_input_makes_a_decoder_panic_or_loop(
        mut body in proptest::collection::vec(any::<u8>(), 0..600),
        like in any::<bool>(),
        at in any::<prop::sample::Index>(),
    ) {
        for coding in codings() {
            if like {
                let mut coded = encode(coding, &body);
                let at = at.index(coded.len());
                coded[at] ^= 0x10;
                body = coded;
            }
            let limits = DecodeLimits { max_decoded_bytes: Some(1 << 20), ..NONE };
            let _ = read_by(decoder([coding].into_iter(), limits, body.as_slice()), 1000);
        }
    }
}
