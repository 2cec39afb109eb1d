//! The timing: all peers of a case by turns, round after round, so that what else the machine does meets all alike.

use std::collections::BTreeMap;

use crate::cases::Case;
use crate::peers::{Peer, Running};
use crate::server::Server;

/// What the rounds of one case gave for one peer.
#[derive(Clone, Debug)]
pub struct Timing {
    /// Operations in the time that a bare socket needs for one: the median of the rounds, each against the bare socket of
    /// the same round.
    pub ratio: f64,
    /// The middle half of the rounds.
    pub between: (f64, f64),
    pub microseconds: f64,
    /// The slowest thread's time over that of the thread in the middle, if there are threads.
    pub slowest: Option<f64>,
}

/// By the peer's name; a peer that cannot do the case is not there.
pub fn time(
    case: &Case,
    peers: &[Peer],
    server: &Server,
    core: Option<&str>,
    rounds: usize,
    milliseconds: f64,
) -> BTreeMap<String, Timing> {
    let peers = peers.iter().filter(|peer| peer.takes_part_in(case));
    let mut running: Vec<(&Peer, Running, u64, Vec<(f64, Option<f64>)>)> = peers
        .filter_map(|peer| {
            let mut running = peer.start(case, server, core)?;
            // Once to become warm, once to know how many fill the time.
            let first = if case.is_large() { 1 } else { 20 * case.threads as u64 };
            running.run(first)?;
            let (nanoseconds, _) = running.run(first)?;
            let each = nanoseconds / first as f64;
            let count = ((milliseconds * 1e6 / each) as u64).max(first.min(2 * case.threads as u64));
            Some((peer, running, count, Vec::new()))
        })
        .collect();
    for _ in 0..rounds {
        for (_, running, count, found) in &mut running {
            let Some((all, middle)) = running.run(*count) else { continue };
            found.push((all / *count as f64, middle.map(|middle| all / middle)));
        }
    }
    let Some(raw) = running.iter().find(|(peer, ..)| peer.is_raw()).map(|(.., found)| found.clone()) else {
        return BTreeMap::new();
    };
    let timings = running.into_iter().filter(|(.., found)| found.len() == rounds).map(|(peer, _, _, found)| {
        let ratios = sorted(found.iter().zip(&raw).map(|((own, _), (raw, _))| raw / own));
        let at = |part: f64| ratios[((ratios.len() - 1) as f64 * part).round() as usize];
        let times = sorted(found.iter().map(|(time, _)| *time));
        let slowest = sorted(found.iter().filter_map(|(_, slowest)| *slowest));
        let timing = Timing {
            ratio: at(0.5),
            between: (at(0.25), at(0.75)),
            microseconds: times[times.len() / 2] / 1e3,
            slowest: slowest.get(slowest.len() / 2).copied(),
        };
        (peer.name.clone(), timing)
    });
    timings.collect()
}

fn sorted(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}
