//! The backend of a build without TLS: its connector and stream are types without values.

use std::io;

use super::{Carrier, TlsConfig, TlsError};

#[derive(Clone)]
pub(super) enum Connector {}

pub(in crate::net) enum Stream {}

pub(super) fn handshake(connector: &Connector, _: &TlsConfig, _: &str, _: Carrier) -> Result<Stream, TlsError> {
    match *connector {}
}

impl Stream {
    pub(super) fn carrier(&self) -> &Carrier {
        match *self {}
    }

    pub(super) fn carrier_mut(&mut self) -> &mut Carrier {
        match *self {}
    }

    pub(super) fn has_unread(&self) -> bool {
        match *self {}
    }

    pub(super) fn close_notify(&mut self) {
        match *self {}
    }

    pub(super) fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(super) fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        match *self {}
    }
}
