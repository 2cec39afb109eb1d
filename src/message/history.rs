//! The responses before a response: a list that grows at its end and shares its elements.
//!
//! Each response of a redirect chain has all responses before it. The lists are one linked chain, seen from different places,
//! so that a long chain costs no more than its length. The slice that a program sees is made on demand.

use std::sync::{Arc, OnceLock};

use crate::message::Response;

/// Responses, oldest first. A clone shares them.
#[derive(Default)]
pub(crate) struct History {
    last: Option<Arc<Link>>,
    /// Made on demand; not shared.
    all: OnceLock<Vec<Response>>,
}

struct Link {
    response: Response,
    earlier: Option<Arc<Link>>,
    /// Including this one.
    count: usize,
}

impl History {
    pub(crate) fn push(&mut self, response: Response) {
        let (count, earlier) = (self.len() + 1, self.last.take());
        *self = Self { last: Some(Arc::new(Link { response, earlier, count })), all: OnceLock::new() };
    }

    pub(crate) fn len(&self) -> usize {
        self.last.as_ref().map_or(0, |last| last.count)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    pub(crate) fn as_slice(&self) -> &[Response] {
        if self.is_empty() {
            return &[];
        }
        self.all.get_or_init(|| {
            let links = std::iter::successors(self.last.as_deref(), |link| link.earlier.as_deref());
            let mut all = Vec::with_capacity(self.len());
            all.extend(links.map(|link| link.response.clone()));
            all.reverse();
            all
        })
    }
}

impl Clone for History {
    fn clone(&self) -> Self {
        Self { last: self.last.clone(), all: OnceLock::new() }
    }
}

impl Drop for History {
    /// Link by link, because dropping a long chain recursively could overflow the stack.
    fn drop(&mut self) {
        let mut last = self.last.take();
        while let Some(Link { response, earlier, .. }) = last.and_then(Arc::into_inner) {
            // Its own history ends where `earlier` begins, which this still holds.
            drop(response);
            last = earlier;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(history: &History) -> Vec<u16> {
        history.as_slice().iter().map(|response| response.status_code().as_u16()).collect()
    }

    #[test]
    fn a_clone_does_not_see_what_comes_later() {
        let mut history = History::default();
        assert!(history.is_empty() && history.as_slice().is_empty());
        history.push(Response::builder(301).build().unwrap());
        let earlier = history.clone();
        assert_eq!(statuses(&history), [301]);
        history.push(Response::builder(302).build().unwrap());

        assert_eq!((statuses(&earlier), earlier.len()), (vec![301], 1));
        assert_eq!((statuses(&history), history.len()), (vec![301, 302], 2));
        assert_eq!(statuses(&history.clone()), [301, 302]);
    }

    #[test]
    fn a_very_long_way_needs_no_stack_and_no_list_for_each_response() {
        for looked_at in [false, true] {
            let mut history = History::default();
            for _ in 0..100_000 {
                let mut response = Response::builder(302).build().unwrap();
                response.set_history(history.clone());
                history.push(response);
            }
            if looked_at {
                assert_eq!(history.as_slice()[99_999].history().len(), 99_999);
            }
            drop(history);
        }
    }
}
