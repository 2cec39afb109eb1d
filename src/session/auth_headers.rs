//! Which headers an auth changed: they are taken back before it is called again, and never go to another origin
//! (docs/decisions.md#auth-stays).
//!
//! A request may have a thousand headers, and each round, hop and page looks at them again: no name is looked up in a list from
//! its start.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::headers::{Headers, Iter};
use crate::message::PreparedRequest;
use crate::message::prepared::{Answered, AuthHeader, Extras};

/// Notes the headers that an auth changed from what they were `before`.
pub(super) fn note(prepared: &mut PreparedRequest, before: &Headers) {
    let (new, old) = where_they_differ(&prepared.headers, before);
    if new.len() == 0 && old.len() == 0 {
        return;
    }
    let Extras { auth_headers, answered, .. } = &mut *prepared.extras;
    let is_first = auth_headers.is_empty() && answered.is_none();
    // Most schemes add one header, and that is all.
    if is_first && (new.len(), old.len()) == (1, 0) {
        if let Some((name, value)) = new.clone().next().filter(|(name, _)| !before.contains(name)) {
            let (name, set) = (name.to_owned(), vec![value.to_owned()]);
            return auth_headers.push(AuthHeader { name, before: Vec::new(), set });
        }
    }
    let (is, was) = (sorted(&prepared.headers), sorted(before));
    // After an answer, a redirect starts from the headers before it, where nothing is to be taken back.
    let start = answered.as_deref().map(|answered| sorted(&answered.before));
    let owned = |fields: &[Field<'_>], name: &str| -> Vec<String> { values(fields, name).map(str::to_owned).collect() };
    let mut seen: HashSet<String> = auth_headers.iter().map(|own| own.name.to_ascii_lowercase()).collect();
    for (name, _) in new.chain(old) {
        if seen.insert(name.to_ascii_lowercase()) && !values(&is, name).eq(values(&was, name)) {
            auth_headers.push(AuthHeader {
                name: name.to_owned(),
                before: owned(start.as_ref().unwrap_or(&was), name),
                set: owned(start.as_ref().unwrap_or(&is), name),
            });
        }
    }
}

/// Notes what `next`, which answers a challenge to `request`, starts from.
pub(super) fn begin_answer(next: &mut PreparedRequest, request: &PreparedRequest) {
    // The request may have answered one before, and the program may have changed it since, and sent it again.
    let before = match &request.extras.answered {
        Some(answered) => without_answer(&request.headers, (**answered).clone()),
        None => request.headers.clone(),
    };
    // It has the other headers when it is sent.
    next.extras.answered = Some(Box::new(Answered { before, after: Headers::new() }));
}

/// Notes that an answer is sent with the headers that it has now.
pub(super) fn note_sent(next: &mut PreparedRequest) {
    let headers = next.headers.clone();
    if let Some(answered) = &mut next.extras.answered {
        answered.after = headers;
    }
}

/// The headers of a request as they were before it answered challenges, with what the program has changed since.
pub(super) fn without_answer(headers: &Headers, answered: Answered) -> Headers {
    let Answered { before, after } = answered;
    let (new, old) = where_they_differ(headers, &after);
    if new.len() == 0 && old.len() == 0 {
        return before;
    }
    let (is, was, start) = (sorted(headers), sorted(&after), sorted(&before));
    let (new, old) = where_they_differ(&after, &before);
    // The names that the answer changed and the program has left alone since.
    let mut seen = HashSet::new();
    let mut restored = Vec::new();
    for (name, _) in new.chain(old) {
        let is_answers = || !values(&was, name).eq(values(&start, name)) && values(&is, name).eq(values(&was, name));
        if seen.insert(name.to_ascii_lowercase()) && is_answers() {
            restored.push(name);
        }
    }
    let gone: HashSet<_> = restored.iter().map(|name| name.to_ascii_lowercase()).collect();
    let mut found = Headers::new();
    for (name, value) in headers.iter().filter(|(name, _)| !gone.contains(&name.to_ascii_lowercase())) {
        found.push(name, value);
    }
    for name in restored {
        values(&start, name).for_each(|value| found.push(name, value));
    }
    found
}

/// What is left of two lists behind the fields with which both begin. It is mostly short, for an auth appends.
fn where_they_differ<'h>(one: &'h Headers, other: &'h Headers) -> (Iter<'h>, Iter<'h>) {
    let mut rests = (one.iter(), other.iter());
    loop {
        let here = rests.clone();
        match (rests.0.next(), rests.1.next()) {
            (Some(one), Some(other)) if one == other => {}
            _ => return here,
        }
    }
}

/// Name and value.
type Field<'h> = (&'h str, &'h str);

/// The fields by name. Those of one name keep their order, which counts.
fn sorted(headers: &Headers) -> Vec<Field<'_>> {
    let mut fields: Vec<_> = headers.iter().collect();
    fields.sort_by(|(one, _), (other, _)| by_name(one, other));
    fields
}

/// The values of that name in a list that is sorted.
fn values<'h>(fields: &[Field<'h>], name: &str) -> impl Iterator<Item = &'h str> {
    let from = fields.partition_point(|(own, _)| by_name(own, name).is_lt());
    fields[from..].iter().take_while(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

fn by_name(one: &str, other: &str) -> Ordering {
    lower_case(one).cmp(lower_case(other))
}

fn lower_case(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().map(|byte| byte.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Url;

    type Pairs<'a> = &'a [(&'a str, &'a str)];

    fn prepared(headers: Pairs<'_>) -> PreparedRequest {
        let url = Url::parse("http://h.test/").unwrap();
        PreparedRequest::new(http::Method::GET, url, Headers::from_pairs(headers.iter().copied()).unwrap())
    }

    // docs/decisions.md#auth-stays
    #[test]
    fn the_headers_that_an_auth_changed_are_noted_once_each_with_their_values() {
        let start: Pairs<'_> = &[("A", "1"), ("B", "2"), ("a", "3")];
        for (now, want) in [
            (start, &[][..]),
            (&[("a", "1"), ("b", "2"), ("A", "3")], &[]),
            (&[("B", "2"), ("A", "1"), ("a", "3")], &[]),
            (&[("A", "1"), ("B", "2"), ("a", "3"), ("X", "4")], &[("X", &[][..], &["4"][..])]),
            (&[("A", "1"), ("B", "2"), ("a", "3"), ("b", "4")], &[("b", &["2"], &["2", "4"])]),
            (&[("A", "1"), ("B", "2"), ("a", "3"), ("X", "4"), ("x", "5")], &[("X", &[], &["4", "5"])]),
            (&[("A", "9"), ("B", "2"), ("a", "3")], &[("A", &["1", "3"], &["9", "3"])]),
            (&[("A", "3"), ("B", "2"), ("a", "1")], &[("A", &["1", "3"], &["3", "1"])]),
            (&[("A", "1"), ("a", "3")], &[("B", &["2"], &[])]),
            (&[("X", "4"), ("B", "2")], &[("X", &[], &["4"]), ("A", &["1", "3"], &[])]),
            (&[], &[("A", &["1", "3"], &[]), ("B", &["2"], &[])]),
        ] {
            let mut request = prepared(now);

            note(&mut request, &prepared(start).headers);
            note(&mut request, &prepared(start).headers);

            let noted: Vec<_> = request
                .extras
                .auth_headers
                .iter()
                .map(|AuthHeader { name, before, set }| (name.as_str(), before.clone(), set.clone()))
                .collect();
            let owned = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>();
            let want: Vec<_> = want.iter().map(|&(name, before, set)| (name, owned(before), owned(set))).collect();
            assert_eq!(noted, want, "{now:?}");
        }
    }

    #[test]
    fn a_redirect_finds_what_an_answer_changed_as_it_was_before_the_first() {
        let mut request = prepared(&[("A", "1"), ("Cookie", "2"), ("X", "3")]);
        let before = prepared(&[("A", "1")]).headers;
        request.extras.answered = Some(Box::new(Answered { after: before.clone(), before }));

        note(&mut request, &prepared(&[("A", "1"), ("Cookie", "1")]).headers);

        let noted = &request.extras.auth_headers;
        let names: Vec<_> = noted.iter().map(|own| own.name.as_str()).collect();
        assert_eq!(names, ["Cookie", "X"]);
        assert!(noted.iter().all(|own| own.before.is_empty() && own.set.is_empty()), "{noted:?}");
    }
}
