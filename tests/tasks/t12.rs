use petition::Session;

/// The function to test.
pub fn price(session: &Session) -> Option<f64> {
    session.get("https://shop.example/price").param("item", 7).send().ok()?.json().ok()
}

// The test of these lines.

use petition::ErrorKind;
use petition::testing::{MockAdapter, Reply};

#[test]
fn the_price_is_asked_for_and_a_timeout_is_no_price() {
    let mock = MockAdapter::new().on("GET", "https://shop.example/price", Reply::new(200).body("9.5"));
    let mut session = crate::session();
    session.mount("https://", mock.clone());
    assert_eq!(price(&session), Some(9.5));
    assert_eq!(mock.requests()[0].query(), "item=7");
    mock.assert_all_used();

    let slow = MockAdapter::new().on("GET", "https://shop.example/price", ErrorKind::ReadTimeout);
    session.mount("https://", slow);
    assert_eq!(price(&session), None);
}
