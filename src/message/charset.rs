//! tmp
pub(crate) fn encoding_from_headers(_:Option<&str>)->Option<&str>{None}
pub(crate) fn decode(b:&[u8],_:Option<&str>)->String{String::from_utf8_lossy(b).into_owned()}
pub(crate) fn into_text(b:Vec<u8>,_:Option<&str>)->String{decode(&b,None)}
pub(crate) fn apparent_encoding(_:&[u8])->String{"utf-8".into()}
