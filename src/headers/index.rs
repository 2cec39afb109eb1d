//! Where the first field of each name is: a hash table beside a long list, so that setting a thousand headers looks at each
//! of them a few times, and not at all those before it.
//!
//! Only lists that a program changes are indexed. Names that a peer chose to meet in one place are as many as a response may
//! have. Positions are those of the entries; whoever moves an entry drops the index.

use super::names;

/// Shorter lists are searched from the start, which costs less than a table.
pub(super) const FROM: usize = 16;

/// The first field of each name.
#[derive(Debug)]
pub(super) struct Index {
    /// Positions plus one; 0 is a free place. The length is a power of two, and at most half of it is used.
    places: Vec<u32>,
    used: usize,
    /// Whether there are fields that are not the first of their name.
    pub(super) has_repeats: bool,
}

impl Index {
    /// An index of a list of `count` names. It has room until there are eight times as many, and 256 at least: then it is made
    /// anew, which costs as much for each name as to add one.
    pub(super) fn with_room(count: usize) -> Self {
        Self { places: vec![0; (16 * count).next_power_of_two().max(512)], used: 0, has_repeats: false }
    }

    /// Whether there is room for one more name.
    pub(super) fn has_room(&self) -> bool {
        2 * (self.used + 1) <= self.places.len()
    }

    /// The position of the first field of `name`, where `is` says whether the field at a position has that name; or else the
    /// place that is free for it.
    pub(super) fn find(&self, name: &[u8], is: impl Fn(usize) -> bool) -> Result<usize, usize> {
        let mut place = self.start(name);
        // Half of the places are free, so it ends.
        while let Some(at) = (self.places[place] as usize).checked_sub(1) {
            if is(at) {
                return Ok(at);
            }
            place = self.next(place);
        }
        Err(place)
    }

    /// Adds a name that is not there yet, whose first field is at `at`, to the place that [`find`](Self::find) found free.
    pub(super) fn fill(&mut self, place: usize, at: usize) {
        // There are at most 4 GiB of headers, and so fewer fields than a position can count.
        self.places[place] = at as u32 + 1;
        self.used += 1;
    }

    /// The place where `name` is, if it is free or its own.
    fn start(&self, name: &[u8]) -> usize {
        names::hash(name) as usize & (self.places.len() - 1)
    }

    /// The place that is tried after another.
    fn next(&self, place: usize) -> usize {
        (place + 1) & (self.places.len() - 1)
    }
}
