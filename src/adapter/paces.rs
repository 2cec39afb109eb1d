//! The gates of an adapter, one for each origin that it talks to.
//!
//! A gate that is at rest (its bucket full, no pause, nobody in it) is as good as a new one, except for the limit that it has
//! learnt. When there are many, those at rest are forgotten. So their number follows that of the origins that are in use, or
//! that still have to be waited for, and not that of all origins ever; and an entry costs the same however many there are.
//!
//! This is where two locks are taken at once: the table's, then a gate's, and never the other way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::adapter::job::Job;
use crate::pace::{Pace, PaceSettings};
use crate::pool::{Endpoint, Gate, HostPort, PoolStats};
use crate::proxy::Route;

/// Gates by origin.
pub(super) struct Paces {
    settings: PaceSettings,
    known: Mutex<Known>,
}

struct Known {
    /// By scheme and port first, so that a host is looked up by reference.
    gates: HashMap<(bool, u16), HashMap<Box<str>, Arc<Gate>>>,
    count: usize,
    /// At how many those at rest are forgotten.
    next_clearing: usize,
}

/// As many learn without being forgotten.
const FEW: usize = 1024;

impl Paces {
    /// `None` if no origin has a pace.
    pub(super) fn new(settings: PaceSettings) -> Option<Self> {
        let known = Known { gates: HashMap::new(), count: 0, next_clearing: FEW };
        settings.is_on().then(|| Self { settings, known: Mutex::new(known) })
    }

    /// The gate of the job's origin. That is what its pool connects `to`, unless a proxy forwards the requests.
    pub(super) fn gate(&self, job: &Job<'_>, to: &Endpoint, now: Instant) -> Arc<Gate> {
        if let Route::Forward(_) = job.route {
            let (host, port) = job.origin();
            return self.gate_of(job.request.url.is_https(), host, port, now);
        }
        self.gate_of(to.scheme == "https", &to.host, to.port, now)
    }

    fn gate_of(&self, is_tls: bool, host: &str, port: u16, now: Instant) -> Arc<Gate> {
        let mut known = self.known.lock();
        if let Some(gate) = known.get(is_tls, host, port) {
            return Arc::clone(gate);
        }
        if known.count >= known.next_clearing {
            known.clear_out(now);
        }
        let gate = Gate::new(HostPort(host, port).to_string(), Pace::new(&self.settings));
        known.gates.entry((is_tls, port)).or_default().insert(host.into(), Arc::clone(&gate));
        known.count += 1;
        gate
    }

    /// Adds to the statistics of pools the limits that were learnt for their origins.
    pub(super) fn add_to(&self, stats: Vec<PoolStats>) -> Vec<PoolStats> {
        let gates: Vec<_> = {
            let known = self.known.lock();
            let of = |stats: &PoolStats| known.get(stats.scheme() == "https", stats.host(), stats.port()).cloned();
            stats.iter().map(of).collect()
        };
        let add = |(stats, gate): (PoolStats, Option<Arc<Gate>>)| match gate {
            Some(gate) => stats.with_limit(gate.limit()),
            None => stats,
        };
        stats.into_iter().zip(gates).map(add).collect()
    }
}

impl Known {
    fn get(&self, is_tls: bool, host: &str, port: u16) -> Option<&Arc<Gate>> {
        self.gates.get(&(is_tls, port))?.get(host)
    }

    /// Forgets the gates that nobody has and that are at rest.
    fn clear_out(&mut self, now: Instant) {
        for gates in self.gates.values_mut() {
            // Whoever is about to use one holds it, and nobody can get it meanwhile.
            gates.retain(|_, gate| Arc::strong_count(gate) > 1 || !gate.is_at_rest(now));
        }
        self.gates.retain(|_, gates| !gates.is_empty());
        self.count = self.gates.values().map(HashMap::len).sum();
        self.next_clearing = FEW.max(self.count * 2);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;
    use crate::pace::{AdaptiveLimit, RateLimit};

    fn paces(rate: Option<RateLimit>) -> Paces {
        let adaptive = Some(AdaptiveLimit::between(1, 4));
        Paces::new(PaceSettings { rate, adaptive, ..PaceSettings::default() }).expect("on")
    }

    #[test]
    fn nothing_that_is_off_has_a_table() {
        assert!(Paces::new(PaceSettings::default()).is_none());
        let budget = Some(crate::pace::RetryBudget::ratio(0.1));
        assert!(Paces::new(PaceSettings { budget, ..PaceSettings::default() }).is_none(), "it is the adapter's");
        assert!(Paces::new(PaceSettings { pause: true, ..PaceSettings::default() }).is_some());
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let (paces, now) = (paces(None), clock::now());
        let gate = paces.gate_of(false, "h", 80, now);
        assert!(Arc::ptr_eq(&gate, &paces.gate_of(false, "h", 80, now)));
        for (is_tls, host, port) in [(true, "h", 80), (false, "i", 80), (false, "h", 81)] {
            assert!(!Arc::ptr_eq(&gate, &paces.gate_of(is_tls, host, port, now)));
        }
    }

    #[test]
    fn a_crawl_over_many_hosts_keeps_the_gates_that_are_in_use_and_few_others() {
        let (paces, now) = (paces(Some(RateLimit::per_second(1))), clock::now());
        let used = paces.gate_of(false, "used", 80, now);
        for number in 0..100_000_u32 {
            paces.gate_of(number % 2 == 0, &format!("h{number}"), 80 + (number % 7) as u16, now);
            assert!(paces.known.lock().count <= FEW);
        }
        let known = paces.known.lock();
        assert_eq!(known.gates.values().map(HashMap::len).sum::<usize>(), known.count);
        drop(known);
        assert!(Arc::ptr_eq(&used, &paces.gate_of(false, "used", 80, now)));
    }

    #[test]
    fn what_still_has_to_be_waited_for_is_not_forgotten() {
        let (paces, now) = (paces(Some(RateLimit::every(60))), clock::now());
        for number in 0..2 * FEW {
            let gate = paces.gate_of(false, &format!("h{number}"), 80, now);
            gate.line_for_test(|pace| assert!(pace.depart(now).is_some()));
            gate.line_for_test(Pace::end);
        }
        assert_eq!(paces.known.lock().count, 2 * FEW);
        let later = now + Duration::from_secs(61);
        paces.gate_of(false, "new", 80, later);
        assert_eq!(paces.known.lock().count, 1);
    }
}
