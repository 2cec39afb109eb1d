//! Names of headers without regard to case: comparing and hashing them eight bytes at a time, and the places by which a list
//! knows where they are.

const CASE: u64 = 0x2020_2020_2020_2020;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Whether two names are the same. They must have the same length.
#[inline]
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    debug_assert_eq!(a.len(), b.len(), "lengths are compared first");
    #[cfg(test)]
    COMPARED.set(COMPARED.get() + 1);
    let (Some(last), Some(its)) = (a.last_chunk(), b.last_chunk()) else { return same_word(short(a), short(b)) };
    // The last word first, where names of one length mostly differ. It overlaps the one before it.
    if !same_word(u64::from_le_bytes(*last), u64::from_le_bytes(*its)) {
        return false;
    }
    a.chunks_exact(8).zip(b.chunks_exact(8)).all(|(a, b)| same_word(word(a), word(b)))
}

/// Whether eight bytes differ in nothing but the case of ASCII letters.
#[inline]
fn same_word(a: u64, b: u64) -> bool {
    let differ = a ^ b;
    if differ == 0 {
        return true;
    }
    // A byte in lower case is a letter if adding 0x1f to it sets the highest bit, and adding 5 does not. No sum reaches the
    // next byte, and a byte beyond ASCII is none.
    let lower = (a | CASE) & !HIGH;
    let letters = (lower + 0x1f1f_1f1f_1f1f_1f1f) & !(lower + 0x0505_0505_0505_0505) & !a & HIGH;
    differ & !CASE == 0 && (differ << 2) & !letters == 0
}

/// A hash that depends on no letter's case. Other bytes that differ in that bit alone share it.
pub(super) fn hash(name: &[u8]) -> u64 {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash ^ (word | CASE)).wrapping_mul(SPREAD).rotate_left(29);
    let mut words = name.chunks_exact(8);
    let whole = words.by_ref().fold(name.len() as u64, |hash, chunk| mix(hash, word(chunk)));
    let hash = mix(whole, short(words.remainder())).wrapping_mul(SPREAD);
    hash >> 32 ^ hash
}

/// Where the names of a list are. Each name has one of 64 places, by its length and its first and last letter, and a place
/// knows the first field that has it. So a name that is not in the list mostly has a free place, and one that is there is found
/// without looking at the others. Computed while a list is made, it costs less than one search through it.
#[derive(Clone, Copy)]
pub(super) struct Places {
    /// The position of a field, plus one; none is free.
    first: [u8; 64],
    /// A bit for each place that several fields have.
    shared: u64,
    /// A bit for each place whose first field is known to have the one of the [`USUAL`] names that has the place.
    certain: u64,
}

/// What each request asks for among the headers of its session, spelled as it does.
pub(super) const USUAL: [&str; 3] = ["User-Agent", "Accept-Encoding", "connection"];

/// A field that may have a name.
#[derive(Clone, Copy)]
pub(super) struct Candidate {
    pub(super) at: usize,
    /// Whether no other field can have the name.
    pub(super) is_only: bool,
    /// Whether it has the name, which need not be compared.
    pub(super) is_certain: bool,
}

impl Places {
    pub(super) const NONE: Self = Self { first: [0; 64], shared: 0, certain: 0 };

    /// Inlined: where the name is a constant, its place is one too.
    #[inline(always)]
    fn of(name: &[u8]) -> usize {
        let (first, last) = match name {
            [first, .., last] => (*first, *last),
            [only] => (*only, *only),
            [] => (0, 0),
        };
        // By these factors the names that are looked up here have places of their own.
        (4 * name.len() + 13 * usize::from(first & 0x1f) + 10 * usize::from(last & 0x1f)) % 64
    }

    /// Notes the field `at` a position behind all others.
    #[inline]
    pub(super) fn add(&mut self, name: &[u8], at: usize) {
        let place = Self::of(name);
        match &mut self.first[place] {
            free @ 0 if at < usize::from(u8::MAX) => *free = at as u8 + 1,
            // Too far on for a byte: the place points to a field of another name, and says that there are more.
            free @ 0 => {
                *free = u8::MAX;
                self.shared |= 1 << place;
            }
            _ => self.shared |= 1 << place,
        }
    }

    /// The first field that has the place of `name`; `None` if there is no field of that name.
    #[inline(always)]
    pub(super) fn find(&self, name: &[u8]) -> Option<Candidate> {
        let place = Self::of(name);
        let at = usize::from(self.first[place]).checked_sub(1)?;
        // Decided by the compiler, where the name is a constant.
        let is_usual = matches!(name, b"User-Agent" | b"Accept-Encoding" | b"connection");
        let is_certain = is_usual && self.certain & 1 << place != 0;
        Some(Candidate { at, is_only: self.shared & 1 << place == 0, is_certain })
    }

    /// The first field that has the place of `name`, one of the [`USUAL`] ones, has this name. It keeps it until fields move.
    pub(super) fn be_certain(&mut self, name: &[u8]) {
        self.certain |= 1 << Self::of(name);
    }
}

/// Whether each byte is printable ASCII.
pub(super) fn is_printable(text: &[u8]) -> bool {
    // A byte below 0x20 lacks the highest bit when 0x60 is added to it, and 0x7f has it when 1 is added.
    let is_printable = |word: u64| {
        let ascii = word & !HIGH;
        (!(ascii + 0x6060_6060_6060_6060) | (ascii + 0x0101_0101_0101_0101) | word) & HIGH == 0
    };
    all(text, is_printable, |byte| matches!(byte, b' '..=b'~'))
}

/// Whether each byte is a letter, a digit or a hyphen, as in nearly every name.
pub(super) fn is_plain_name(name: &[u8]) -> bool {
    let is_plain = |word: u64| {
        let ascii = word & !HIGH;
        let between = |ascii: u64, above: u64, below: u64| (ascii + above) & !(ascii + below);
        let letters = between((word | CASE) & !HIGH, 0x1f1f_1f1f_1f1f_1f1f, 0x0505_0505_0505_0505);
        let digits = between(ascii, 0x5050_5050_5050_5050, 0x4646_4646_4646_4646);
        let hyphens = between(ascii, 0x5353_5353_5353_5353, 0x5252_5252_5252_5252);
        (letters | digits | hyphens) & !word & HIGH == HIGH
    };
    all(name, is_plain, |byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether all bytes suit, eight at a time. The last eight overlap those before.
#[inline]
fn all(bytes: &[u8], eight: impl Fn(u64) -> bool, one: impl Fn(u8) -> bool) -> bool {
    match bytes.last_chunk() {
        Some(last) => eight(u64::from_le_bytes(*last)) && bytes.chunks_exact(8).all(|chunk| eight(word(chunk))),
        None => bytes.iter().all(|&byte| one(byte)),
    }
}

#[inline]
fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}

/// Fewer than eight bytes as a word, by their number in a way of its own.
#[inline]
fn short(bytes: &[u8]) -> u64 {
    match bytes {
        [first, second, third, fourth, ..] => {
            let start = u32::from_le_bytes([*first, *second, *third, *fourth]);
            let end = bytes.last_chunk().map_or(0, |last| u32::from_le_bytes(*last));
            u64::from(end) << 32 | u64::from(start)
        }
        bytes => bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

// How many names this thread has compared.
#[cfg(test)]
thread_local! {
    pub(super) static COMPARED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_ascii_without_case() {
        let mut random = fastrand::Rng::with_seed(1);
        let bytes = b"azAZmM@[`{^~_?\x7f\x00\x20-09\xc1\xe1\xff\xdf";
        for length in 0..40 {
            for _ in 0..400 {
                let a: Vec<u8> = (0..length).map(|_| bytes[random.usize(..bytes.len())]).collect();
                let mut b: Vec<u8> = a.iter().map(|byte| if random.bool() { byte ^ 0x20 } else { *byte }).collect();
                if random.bool() {
                    b = a.to_ascii_uppercase();
                }
                if length > 0 && random.u8(..4) == 0 {
                    b[random.usize(..length)] = bytes[random.usize(..bytes.len())];
                }
                let want = a.eq_ignore_ascii_case(&b);

                assert_eq!(same(&a, &b), want, "{a:?} {b:?}");
                let mut places = Places::NONE;
                places.add(&a, 7);
                assert!(!want || hash(&a) == hash(&b), "{a:?} {b:?}");
                assert!(!want || places.find(&b).is_some_and(|found| found.at == 7 && found.is_only), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn the_usual_names_are_certain_in_their_own_places() {
        let mut places = Places::NONE;
        for (at, name) in USUAL.iter().enumerate() {
            places.add(name.as_bytes(), at);
            assert!(places.find(name.as_bytes()).is_some_and(|found| found.at == at && !found.is_certain));
            places.be_certain(name.as_bytes());
        }
        for (at, name) in USUAL.iter().enumerate() {
            assert!(places.find(name.as_bytes()).is_some_and(|found| found.at == at && found.is_certain), "{name}");
        }
        // Of the same length, with the same first and last letter.
        assert!(places.find(b"User-Agant").is_some_and(|found| !found.is_certain));
    }

    #[test]
    fn bytes_are_classified_alike_wherever_they_stand() {
        for byte in 0..=u8::MAX {
            for (length, at) in [(1, 0), (7, 3), (8, 0), (8, 7), (13, 2), (13, 9), (16, 12)] {
                let mut text = vec![b'x'; length];
                text[at] = byte;
                assert_eq!(is_printable(&text), matches!(byte, b' '..=b'~'), "{byte} {length} {at}");
                let is_plain = byte.is_ascii_alphanumeric() || byte == b'-';
                assert_eq!(is_plain_name(&text), is_plain, "{byte} {length} {at}");
            }
        }
    }

    #[test]
    fn every_pair_of_bytes_is_compared_as_ascii() {
        for (a, b) in (0..=u8::MAX).flat_map(|a| (0..=u8::MAX).map(move |b| (a, b))) {
            for length in [1, 5, 8, 13] {
                assert_eq!(same(&vec![a; length], &vec![b; length]), a.eq_ignore_ascii_case(&b), "{a} {b}");
            }
        }
    }
}
