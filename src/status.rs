//! [`IntoStatus`]: what a parameter that is a status accepts.

use http::StatusCode;

mod sealed {
    pub trait Sealed {}
}

/// What can be a status: a `u16`, a [`StatusCode`], or a reference to either.
///
/// Every parameter that is a status has this type. A number outside 100 to 999 is not a status. Where that matters, as in
/// [`ResponseBuilder::build`](crate::ResponseBuilder::build), it is an error. Methods that return a status return a
/// [`StatusCode`], which compares with numbers; in [`retry`](crate::retry) they return a `u16`, as in urllib3. The trait
/// is sealed: it cannot be implemented outside this crate.
///
/// # Examples
/// ```
/// use petition::{Response, Retry, StatusCode};
///
/// let again = [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE];
/// let retry = Retry::new().status_forcelist(again);
/// assert!(retry.is_retry("GET", 502, false));
///
/// let response = Response::builder(StatusCode::NOT_FOUND).build()?;
/// assert_eq!(response.status_code(), 404);
/// # Ok::<(), petition::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a status",
    label = "expected a `u16` or a `StatusCode`",
    note = "a list of statuses is `[429, 503]` or `[StatusCode::BAD_GATEWAY]`; an empty one is `[0u16; 0]`"
)]
pub trait IntoStatus: sealed::Sealed {
    #[doc(hidden)]
    fn into_status(self) -> u16;
}

macro_rules! statuses {
    ($($type:ty: $value:ident => $number:expr;)*) => {$(
        impl sealed::Sealed for $type {}
        impl IntoStatus for $type {
            fn into_status(self) -> u16 {
                let $value = self;
                $number
            }
        }
    )*};
}

statuses! {
    u16: number => number;
    &u16: number => *number;
    StatusCode: status => status.as_u16();
    &StatusCode: status => status.as_u16();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_status_codes_are_one() {
        fn number(status: impl IntoStatus) -> u16 {
            status.into_status()
        }

        let (numbers, codes) = ([418], [StatusCode::IM_A_TEAPOT]);
        for status in numbers.iter().map(number).chain(numbers.map(number)) {
            assert_eq!(status, 418);
        }
        for status in codes.iter().map(number).chain(codes.map(number)) {
            assert_eq!(status, 418);
        }
    }
}
