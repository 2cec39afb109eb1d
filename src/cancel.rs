//! Cancellation from any thread: a flag that threads share, and the list of what waits under it.
//!
//! Code that is about to wait registers how it can be stopped, and removes that entry when it is done. `cancel` sets the
//! flag, takes the whole list, and stops what was in it, with no lock held.
//!
//! Rule: whoever ends a [`Registration`] learns whether its entry was taken out of the list to be stopped. If so, the stop
//! has happened or is about to, so what it stops (a connection) must not be given to anybody else.

use std::cmp::Reverse;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::clock::{self, Deadline};
use crate::error::{Error, ErrorKind};

/// A token that ends the requests that carry it, from any thread.
///
/// All clones are the same token. Set it for a session (`session.cancel`), for a request
/// ([`RequestBuilder::cancel`](crate::RequestBuilder::cancel)), or for both: then either of the two ends the request.
/// [`cancel`](Self::cancel) ends every wait under the token with [`ErrorKind::Cancelled`]: for a pool slot, a connection,
/// the TLS handshake, sending, the head and body of the response (also if a streamed response is read later), and the
/// sleep before a retry. A cancelled request is never retried, and its connection is closed. Requests that start later
/// fail at once: a token cannot be reset.
///
/// A name lookup by the operating system cannot be interrupted. If a request has a token, the lookup runs on a thread of
/// its own. The caller returns at once, and the thread ends when the system answers.
///
/// # Coming from requests
/// New here.
///
/// # Examples
/// ```
/// use petition::{Cancel, Session};
///
/// let stop = Cancel::new();
/// let mut session = Session::new();
/// session.cancel = Some(stop.clone());
///
/// stop.cancel(); // from a Ctrl-C handler, say
/// let error = session.get("http://127.0.0.1:9/").send().unwrap_err();
/// assert!(error.is_cancelled());
/// ```
#[derive(Clone, Default)]
#[doc(alias = "CancellationToken")]
#[doc(alias = "abort")]
pub struct Cancel {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Set under the lock of the entries, when their list is taken to be stopped: then nothing can be registered any more.
    cancelled: AtomicBool,
    /// How many tokens are above it, on the longest way up; 0 if it has no parents.
    generation: u32,
    entries: Mutex<Entries>,
    /// Its places in the lists of its parents, that of the later generation first.
    parents: OnceLock<[Option<Registration>; 2]>,
}

/// What waits, by number. A number is reused once its entry is gone.
#[derive(Default)]
struct Entries {
    list: Vec<Place>,
    /// The first free place; each names the next.
    free: Option<usize>,
    used: usize,
}

enum Place {
    Used(Entry),
    /// The next free place.
    Free(Option<usize>),
}

impl Entries {
    fn put(&mut self, entry: Entry) -> usize {
        self.used += 1;
        let Some(number) = self.free else {
            self.list.push(Place::Used(entry));
            return self.list.len() - 1;
        };
        if let Place::Free(next) = std::mem::replace(&mut self.list[number], Place::Used(entry)) {
            self.free = next;
        }
        number
    }

    fn take(&mut self, number: usize) -> Option<Entry> {
        let place = self.list.get_mut(number).filter(|place| matches!(place, Place::Used(_)))?;
        let Place::Used(entry) = std::mem::replace(place, Place::Free(self.free)) else { return None };
        self.free = Some(number);
        self.used -= 1;
        if self.used == 0 && self.list.len() > MOST_KEPT {
            // Many have left at once: do not keep the memory of their places.
            (self.list, self.free) = (Vec::new(), None);
        }
        Some(entry)
    }
}

enum Entry {
    Stop(Arc<dyn Stop>),
    Child(Weak<Shared>),
    Call(Box<dyn FnOnce() + Send>),
}

/// What can be stopped: a socket, a waiter, a sleeper. The thread that cancels calls it, at most once. It must not wait.
pub(crate) trait Stop: Send + Sync {
    fn stop(&self);
}

/// A place in a token's list, until it is dropped.
pub(crate) struct Registration {
    token: Cancel,
    /// `None` once it was taken back: by then the number may be another's.
    number: Option<usize>,
}

/// Removes the function that [`Cancel::on_cancel`] registered, when dropped.
#[must_use = "dropping the guard removes the function"]
pub struct CancelGuard {
    /// `None` where the token was cancelled already.
    _registration: Option<Registration>,
}

impl Cancel {
    /// Creates a token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a token that is cancelled together with this one, and can also be cancelled alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self::under([Some(self), None])
    }

    /// A token that is cancelled if either of the two is.
    pub(crate) fn either(one: &Self, other: &Self) -> Self {
        if Arc::ptr_eq(&one.shared, &other.shared) { one.clone() } else { Self::under([Some(one), Some(other)]) }
    }

    fn under(mut parents: [Option<&Self>; 2]) -> Self {
        parents.sort_by_key(|parent| Reverse(parent.map(|parent| parent.shared.generation)));
        let generation = parents[0].map_or(0, |parent| parent.shared.generation.saturating_add(1));
        let shared = Arc::new(Shared {
            cancelled: AtomicBool::new(false),
            generation,
            entries: Mutex::default(),
            parents: OnceLock::new(),
        });
        // Only now that the token is whole: whoever takes a parent's list must find it there, and be able to stop it.
        let registered =
            parents.map(|parent| parent.map(|parent| parent.register_entry(|| Entry::Child(Arc::downgrade(&shared)))));
        if registered.iter().any(|registered| matches!(registered, Some(None))) {
            // Nobody else has the token, so its list is empty.
            shared.cancelled.store(true, Ordering::Release);
        }
        let _ = shared.parents.set(registered.map(Option::flatten));
        Self { shared }
    }

    /// Cancels: every wait under this token and its children ends now, and later requests with them fail at once. A second
    /// call does nothing.
    ///
    /// # Panics
    /// If a function registered with [`on_cancel`](Self::on_cancel) panics; only after everything has been stopped.
    pub fn cancel(&self) {
        let mut calls = Vec::new();
        self.stop_all(&mut calls);
        // Last, so that the program's own functions delay nothing.
        let mut panic = None;
        for call in calls {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
                panic.get_or_insert(payload);
            }
        }
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
    }

    fn stop_all(&self, calls: &mut Vec<Box<dyn FnOnce() + Send>>) {
        // No recursion: there may be more generations than the stack has room for.
        let mut tokens = vec![Arc::clone(&self.shared)];
        while let Some(shared) = tokens.pop() {
            let list = {
                let mut entries = shared.entries.lock();
                shared.cancelled.store(true, Ordering::Release);
                std::mem::take(&mut entries.list)
            };
            for place in list {
                match place {
                    Place::Free(_) => {}
                    Place::Used(Entry::Stop(stop)) => stop.stop(),
                    Place::Used(Entry::Child(child)) => tokens.extend(child.upgrade()),
                    Place::Used(Entry::Call(call)) => calls.push(call),
                }
            }
        }
    }

    /// Whether this token, or one that it is a child of, was cancelled.
    #[must_use]
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        // A parent sets its own flag first. Most tokens have none.
        self.shared.cancelled.load(Ordering::Acquire) || (self.shared.generation > 0 && self.is_above_cancelled())
    }

    /// Whether a token that this one is a child of was cancelled.
    fn is_above_cancelled(&self) -> bool {
        let mut token = self;
        while let Some([first, second]) = token.shared.parents.get() {
            // The shorter way up, so that the calls within calls are few.
            if second.as_ref().is_some_and(|parent| parent.token.is_cancelled()) {
                return true;
            }
            // One without the first was cancelled when it was made.
            let Some(parent) = first else { return true };
            token = &parent.token;
            if token.shared.cancelled.load(Ordering::Acquire) {
                return true;
            }
        }
        false
    }

    /// Registers `act`, which the thread that cancels calls once, after it has stopped all requests. If the token is
    /// already cancelled, this thread calls it at once. Dropping the guard removes the function, but does not wait if it is
    /// running.
    ///
    /// It is for a program's own waits in an adapter, a body or a hook. `act` should be short.
    pub fn on_cancel(&self, act: impl FnOnce() + Send + 'static) -> CancelGuard {
        let mut act = Some(Box::new(act) as Box<dyn FnOnce() + Send>);
        let registration = self.register_entry(|| Entry::Call(act.take().expect("an entry is made at most once")));
        if let Some(act) = act {
            act();
        }
        CancelGuard { _registration: registration }
    }

    /// Sleeps for `duration`; returns false if the token is cancelled before that.
    #[must_use = "false says that the sleep was cut short"]
    pub fn sleep(&self, duration: Duration) -> bool {
        let deadline = Deadline::after(clock::now(), Some(duration));
        let sleeper = Arc::new(Sleeper::default());
        let Some(_registration) = self.register(sleeper.clone()) else { return false };
        let mut woken = sleeper.woken.lock();
        while !*woken {
            match deadline.0 {
                Some(at) if sleeper.signal.wait_until(&mut woken, at).timed_out() => break,
                Some(_) => {}
                None => sleeper.signal.wait(&mut woken),
            }
        }
        !*woken
    }

    /// Registers `stop` to be called when the token is cancelled; `None` if it is already.
    pub(crate) fn register(&self, stop: Arc<dyn Stop>) -> Option<Registration> {
        self.register_entry(|| Entry::Stop(stop))
    }

    fn register_entry(&self, entry: impl FnOnce() -> Entry) -> Option<Registration> {
        let mut entries = self.shared.entries.lock();
        if self.shared.cancelled.load(Ordering::Relaxed) {
            return None;
        }
        let number = entries.put(entry());
        drop(entries);
        Some(Registration { token: self.clone(), number: Some(number) })
    }

    /// The error of a request that was cancelled; `when` says before or while what.
    #[cold]
    pub(crate) fn error(when: &str) -> Error {
        Error::message(ErrorKind::Cancelled, format!("the request was cancelled {when}"))
    }
}

impl Registration {
    /// Removes the entry; true if it had been taken out of the list to be stopped.
    pub(crate) fn end(mut self) -> bool {
        self.take_back()
    }

    fn take_back(&mut self) -> bool {
        let Some(number) = self.number.take() else { return false };
        let gone = {
            let shared = &self.token.shared;
            let mut entries = shared.entries.lock();
            if shared.cancelled.load(Ordering::Relaxed) {
                return true;
            }
            entries.take(number)
        };
        // Outside the lock: it may be the last handle of a socket.
        drop(gone);
        false
    }
}

/// How many places of a list stay allocated when nothing is registered.
const MOST_KEPT: usize = 64;

impl Drop for Registration {
    fn drop(&mut self) {
        self.take_back();
    }
}

impl Drop for Shared {
    /// Leaves the lists of its parents. Those that it alone has kept go with it, one after another: the drop of one within
    /// that of the next would need a stack as deep as there are generations.
    fn drop(&mut self) {
        let mut parents = self.parents.take();
        let mut left = Vec::new();
        while let Some(registrations) = parents {
            for registration in registrations.into_iter().flatten() {
                let parent = Arc::clone(&registration.token.shared);
                drop(registration);
                left.extend(Arc::into_inner(parent).and_then(|mut last| last.parents.take()));
            }
            parents = left.pop();
        }
    }
}

/// A thread that sleeps until it is woken.
#[derive(Default)]
struct Sleeper {
    woken: Mutex<bool>,
    signal: Condvar,
}

impl Stop for Sleeper {
    fn stop(&self) {
        *self.woken.lock() = true;
        self.signal.notify_all();
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("is_cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

impl fmt::Debug for CancelGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelGuard").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Stop for Counting {
        fn stop(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn counting() -> (Arc<Counting>, Arc<dyn Stop>) {
        let counting = Arc::new(Counting::default());
        (Arc::clone(&counting), counting)
    }

    #[test]
    fn what_is_registered_is_stopped_once() {
        let cancel = Cancel::new();
        let (count, stop) = counting();
        let registration = cancel.register(stop).unwrap();

        cancel.cancel();
        cancel.clone().cancel();

        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(registration.end(), "it was stopped");
        assert!(cancel.register(counting().1).is_none(), "too late");
    }

    #[test]
    fn what_was_taken_back_is_not_stopped() {
        let cancel = Cancel::new();
        let (count, stop) = counting();

        assert!(!cancel.register(stop).unwrap().end());
        cancel.cancel();

        assert_eq!(count.0.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_child_is_cancelled_with_its_parent_or_alone() {
        let parent = Cancel::new();
        let (one, other) = (parent.child(), parent.child());
        let (count, stop) = counting();
        let _registration = other.register(stop);

        one.cancel();
        assert!(one.is_cancelled() && !other.is_cancelled() && !parent.is_cancelled());

        parent.cancel();
        assert!(other.is_cancelled());
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(parent.child().is_cancelled() && parent.child().child().is_cancelled());
    }

    // Ending a registration took it back twice: the second time, whatever had its number by then
    #[test]
    fn ending_one_registration_takes_back_no_other() {
        let cancel = Cancel::new();
        let ended: Vec<_> = (0..3).map(|_| cancel.register(counting().1).unwrap()).collect();
        for registration in ended {
            assert!(!registration.end());
        }

        let (counts, kept): (Vec<_>, Vec<_>) = (0..5)
            .map(|_| {
                let (count, stop) = counting();
                (count, cancel.register(stop).unwrap())
            })
            .unzip();
        cancel.cancel();

        assert!(counts.iter().all(|count| count.0.load(Ordering::SeqCst) == 1));
        assert!(kept.into_iter().all(Registration::end));
    }

    #[test]
    fn one_of_two_is_enough() {
        for which in 0..2 {
            let tokens = [Cancel::new(), Cancel::new()];
            let either = Cancel::either(&tokens[0], &tokens[1]);
            assert!(!either.is_cancelled());

            tokens[which].cancel();

            assert!(either.is_cancelled() && Cancel::either(&tokens[0], &tokens[1]).is_cancelled());
            assert!(!tokens[1 - which].is_cancelled());
        }
        let same = Cancel::new();
        assert!(Arc::ptr_eq(&Cancel::either(&same, &same.clone()).shared, &same.shared));
    }

    // It was in the parent's list, but could not be stopped before it was whole: then nothing under it was.
    #[test]
    fn a_child_that_is_made_while_its_parent_is_cancelled_is_cancelled() {
        let (one, other) = (Cancel::new(), Cancel::new());
        // The child is in the list of `one` already, and waits to get into that of `other`.
        let held = other.shared.entries.lock();
        let making = {
            let (one, other) = (one.clone(), other.clone());
            thread::spawn(move || Cancel::either(&one, &other))
        };
        while one.shared.entries.lock().used == 0 {
            thread::yield_now();
        }

        one.cancel();
        drop(held);

        let child = making.join().unwrap();
        assert!(child.is_cancelled() && !other.is_cancelled());
        assert!(child.register(counting().1).is_none());
        assert!(!child.sleep(Duration::MAX));
        let (say, said) = mpsc::channel();
        let _late = child.on_cancel(move || say.send(()).unwrap());
        assert_eq!(said.try_iter().count(), 1);
        assert!(child.child().is_cancelled() && child.child().register(counting().1).is_none());
    }

    // Each step was a call within a call: the stack of a thread was too small for it.
    #[test]
    fn a_token_can_have_any_number_of_generations_above_it() {
        let ways: [fn(&Cancel) -> Cancel; 3] = [
            Cancel::child,
            |parent| Cancel::either(parent, &Cancel::new()),
            |parent| Cancel::either(&Cancel::new().child(), parent),
        ];
        for next in ways {
            let first = Cancel::new();
            let mut last = first.clone();
            for _ in 0..200_000 {
                last = next(&last);
            }
            assert!(!last.is_cancelled());
            let (count, stop) = counting();
            let registration = last.register(stop).unwrap();

            first.cancel();

            assert!(last.is_cancelled() && registration.end());
            assert_eq!(count.0.load(Ordering::SeqCst), 1);
        }
    }

    #[test]
    fn generations_that_are_gone_leave_the_list_of_the_first() {
        let first = Cancel::new();
        let last = (0..200_000).fold(first.clone(), |token, _| token.child());
        assert_eq!(first.shared.entries.lock().used, 1);

        drop(last);

        assert_eq!(first.shared.entries.lock().used, 0);
    }

    #[test]
    fn nothing_stays_of_what_has_gone() {
        let cancel = Cancel::new();

        for _ in 0..100_000 {
            drop(cancel.child());
            drop(cancel.register(counting().1));
        }
        assert!(cancel.shared.entries.lock().list.len() <= 1);

        let crowd: Vec<_> = (0..1000).map(|_| cancel.child()).collect();
        assert_eq!(cancel.shared.entries.lock().used, 1000);
        drop(crowd);
        assert!(cancel.shared.entries.lock().list.capacity() <= MOST_KEPT);
    }

    #[test]
    fn a_function_is_called_once_and_not_when_its_guard_is_gone() {
        let cancel = Cancel::new();
        let (say, said) = mpsc::channel();
        let tell = |what| {
            let say = say.clone();
            move || say.send(what).unwrap()
        };
        let _kept = cancel.on_cancel(tell("kept"));
        drop(cancel.on_cancel(tell("taken back")));

        cancel.cancel();
        let _late = cancel.on_cancel(tell("late"));
        cancel.cancel();

        assert_eq!(said.try_iter().collect::<Vec<_>>(), ["kept", "late"]);
    }

    #[test]
    fn a_panic_in_a_function_stops_nothing_from_being_stopped() {
        let cancel = Cancel::new();
        let _bad = cancel.on_cancel(|| panic!("as planned"));
        let called = Arc::new(AtomicBool::new(false));
        let set = Arc::clone(&called);
        let _good = cancel.on_cancel(move || set.store(true, Ordering::SeqCst));
        let (count, stop) = counting();
        let _registration = cancel.register(stop);

        assert!(catch_unwind(AssertUnwindSafe(|| cancel.cancel())).is_err());

        assert!(called.load(Ordering::SeqCst));
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_sleep_ends_in_time_or_is_cut_short() {
        let cancel = Cancel::new();
        assert!(cancel.sleep(Duration::from_millis(1)));

        let sleeper = {
            let cancel = cancel.clone();
            thread::spawn(move || cancel.sleep(Duration::MAX))
        };
        while cancel.shared.entries.lock().used == 0 {
            thread::yield_now();
        }
        cancel.cancel();

        assert!(!sleeper.join().unwrap());
        assert!(!cancel.sleep(Duration::ZERO));
    }
}
