//! The cases: what each is called, and what a peer is told to do.

/// Of a large body. Each is long enough that the request itself costs nothing beside it.
pub const LARGE: usize = 16 << 20;

pub struct Case {
    pub name: &'static str,
    pub title: &'static str,
    pub operation: &'static str,
    pub path: &'static str,
    pub tls: bool,
    pub threads: usize,
    pub slots: usize,
    /// Client and server on one core: where one waits for the other all the time, what counts is the work of both, and
    /// waking a second core would hide it.
    pub one_core: bool,
}

const SMALL: Case = Case {
    name: "small",
    title: "small, 1 thread",
    operation: "text",
    path: "small",
    tls: false,
    threads: 1,
    slots: 0,
    one_core: true,
};

/// Two cores: the server sends or receives while the client works.
const LARGE_BODY: Case = Case { one_core: false, operation: "read", ..SMALL };

const THREADS: Case = Case { one_core: false, ..SMALL };

pub const CASES: [Case; 18] = [
    SMALL,
    Case { name: "threads-2", title: "small, 2 threads", threads: 2, ..THREADS },
    Case { name: "threads-8", title: "small, 8 threads", threads: 8, ..THREADS },
    Case { name: "headers", title: "40 response headers", path: "headers", ..SMALL },
    Case { name: "wait-8", title: "8 threads, 4 slots", threads: 8, slots: 4, ..THREADS },
    Case { name: "wait-32", title: "32 threads, 4 slots", threads: 32, slots: 4, ..THREADS },
    Case { name: "wait-64", title: "64 threads, 4 slots", threads: 64, slots: 4, ..THREADS },
    Case { name: "connect", title: "a connection each", path: "close", ..SMALL },
    Case { name: "client", title: "a client each", operation: "once", ..SMALL },
    Case { name: "tls", title: "small over TLS", tls: true, ..SMALL },
    Case { name: "tls-connect", title: "a TLS connection each", path: "close", tls: true, ..SMALL },
    Case { name: "download", title: "download", path: "large", ..LARGE_BODY },
    Case { name: "content", title: "download into memory", operation: "content", path: "large", ..LARGE_BODY },
    Case { name: "chunked", title: "chunked", path: "chunked", ..LARGE_BODY },
    Case { name: "gzip", title: "gzip", path: "gzip", ..LARGE_BODY },
    Case { name: "upload", title: "upload", operation: "upload", path: "upload", ..LARGE_BODY },
    // Below: the process itself, so only counted.
    Case { name: "start", title: "process start and one GET", ..SMALL },
    Case { name: "tls-start", title: "the same over TLS", tls: true, ..SMALL },
];

impl Case {
    /// Of the body that is received or sent.
    pub fn length(&self) -> usize {
        match self.path {
            "large" | "chunked" | "gzip" | "upload" => LARGE,
            _ => 100,
        }
    }

    pub fn is_large(&self) -> bool {
        self.length() == LARGE
    }

    /// A run of one request, of which the process is the larger part.
    pub fn is_start(&self) -> bool {
        self.name.ends_with("start")
    }
}
