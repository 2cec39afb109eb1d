//! Fetches a URL that a stranger chose, without letting it reach the inside of the network (server-side request forgery).
//!
//! The rule looks at the address that the connection is made to: for a name after its look-up, for an address in the URL, and
//! for each redirect anew. A name that has another address a moment later (DNS rebinding) gains nothing, because nobody looks
//! it up again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use petition::testing::{Reply, TestServer};
use petition::{HttpAdapter, Session};

/// Whether an address is out there, and not in this machine or its network.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0 // this network
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local() // 169.254.169.254 knows a cloud machine's credentials
        || (a == 100 && b & 0xc0 == 64) // RFC 6598, shared by a carrier's customers
        || (a == 192 && b == 0 && c == 0) // RFC 6890
        || (a == 192 && b == 88 && c == 99) // the old 6to4 relays
        || (a == 198 && b & 0xfe == 18) // RFC 2544, measurements
        || address.is_documentation()
        || a >= 224) // multicast, reserved, broadcast
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Addresses that stand for an IPv4 address: mapped, compatible, NAT64 (RFC 6052), 6to4.
    let [.., a, b] = segments;
    let last = Ipv4Addr::from(u32::from(a) << 16 | u32::from(b));
    match segments {
        [0, 0, 0, 0, 0, 0xffff | 0, ..] => segments[5] == 0xffff && is_public_v4(last),
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => is_public_v4(last),
        [0x2002, a, b, ..] => is_public_v4(Ipv4Addr::from(u32::from(a) << 16 | u32::from(b))),
        // Of the rest only 2000::/3 is in use, without Teredo, benchmarks and documentation.
        [0x2001, 0 | 2 | 0xdb8, ..] | [0x3fff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

fn main() -> petition::Result<()> {
    // A page inside, which must not be reached; and a name of the stranger's own that leads to it.
    let inside = TestServer::http(|_| Reply::new(200).body("secret"));
    let port = inside.address().port();
    let rebinding = move |_: &str, _: u16| Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]);

    let adapter = HttpAdapter::builder().resolver(rebinding).allow_address(is_public).build();
    let mut session = Session::new();
    session.trust_env = false; // a proxy would connect for us, and is not asked about addresses
    session.timeout = (3.05, 27).into();
    session.mount("http://", adapter.clone());
    session.mount("https://", adapter);

    for host in ["metadata.test", "127.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254", "0.0.0.0"] {
        match session.get(format!("http://{host}:{port}/")).send() {
            Ok(response) => println!("{host}: {}", response.text()?),
            Err(error) => println!("{error}"),
        }
    }
    println!("requests that arrived inside: {}", inside.requests().len());

    let public = ["1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"];
    let private = [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "2002:7f00:1::",
        "64:ff9b::a00:1",
        "2001::1",
        "2001:db8::1",
        "::7f00:1",
    ];
    let allowed = |texts: &[&str]| texts.iter().filter(|text| text.parse().is_ok_and(is_public)).count();
    println!(
        "allowed: {} of {} public, {} of {} private",
        allowed(&public),
        public.len(),
        allowed(&private),
        private.len()
    );
    Ok(())
}
