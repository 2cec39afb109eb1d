//! JSON bodies: what serde_json writes, except that numbers without a JSON form are errors.
//!
//! serde_json silently turns NaN and infinities into `null`. [`Finite`] is between the value and the writer. It passes
//! everything on, and refuses these numbers.

use serde::ser::{self, Error as _, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};

pub(super) fn to_vec(value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    match value.serialize(Finite(&mut serde_json::Serializer::new(&mut out))) {
        Ok(()) => Ok(out),
        Err(cause) => {
            Err(Error::message(ErrorKind::InvalidJson, format!("value cannot be serialized as JSON: {cause}"))
                .with_source(cause))
        }
    }
}

/// A serializer, a part of one, or a value that is passed to one.
struct Finite<T>(T);

const NOT_FINITE: &str = "out of range float values are not JSON compliant";

impl<T: Serialize + ?Sized> Serialize for Finite<&T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Finite(serializer))
    }
}

macro_rules! pass_on {
    ($($method:ident($type:ty);)*) => {$(
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.0.$method(value)
        }
    )*};
}

impl<S: Serializer> Serializer for Finite<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Finite<S::SerializeSeq>;
    type SerializeTuple = Finite<S::SerializeTuple>;
    type SerializeTupleStruct = Finite<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Finite<S::SerializeTupleVariant>;
    type SerializeMap = Finite<S::SerializeMap>;
    type SerializeStruct = Finite<S::SerializeStruct>;
    type SerializeStructVariant = Finite<S::SerializeStructVariant>;

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        if value.is_finite() { self.0.serialize_f32(value) } else { Err(S::Error::custom(NOT_FINITE)) }
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        if value.is_finite() { self.0.serialize_f64(value) } else { Err(S::Error::custom(NOT_FINITE)) }
    }

    pass_on! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_unit_struct(&'static str);
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.0.serialize_none()
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.0.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&Finite(value))
    }

    fn serialize_unit_variant(self, name: &'static str, index: u32, variant: &'static str) -> Result<S::Ok, S::Error> {
        self.0.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_struct(name, &Finite(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_variant(name, index, variant, &Finite(value))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.0.serialize_seq(length).map(Finite)
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.0.serialize_tuple(length).map(Finite)
    }

    fn serialize_tuple_struct(self, name: &'static str, length: usize) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.0.serialize_tuple_struct(name, length).map(Finite)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.0.serialize_tuple_variant(name, index, variant, length).map(Finite)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.0.serialize_map(length).map(Finite)
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Self::SerializeStruct, S::Error> {
        self.0.serialize_struct(name, length).map(Finite)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.0.serialize_struct_variant(name, index, variant, length).map(Finite)
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! items {
    ($($trait:ident $method:ident;)*) => {$(
        impl<S: ser::$trait> ser::$trait for Finite<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                self.0.$method(&Finite(value))
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        }
    )*};
}

items! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl<S: ser::$trait> ser::$trait for Finite<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), S::Error> {
                self.0.serialize_field(key, &Finite(value))
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), S::Error> {
                self.0.skip_field(key)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }

impl<S: ser::SerializeMap> ser::SerializeMap for Finite<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.0.serialize_key(&Finite(key))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.0.serialize_value(&Finite(value))
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[derive(serde::Serialize)]
    enum Shape {
        Unit,
        New(f64),
        Tuple(u8, f32),
        Struct { x: Option<f64>, y: (i128, char) },
    }

    #[derive(serde::Serialize)]
    struct All {
        #[serde(skip_serializing_if = "Option::is_none")]
        absent: Option<u8>,
        wrapped: Wrapped,
        pair: Pair,
        shapes: Vec<Shape>,
        map: BTreeMap<u8, ()>,
    }

    #[derive(serde::Serialize)]
    struct Wrapped(f64);

    #[derive(serde::Serialize)]
    struct Pair(u8, &'static str);

    fn all(x: f64) -> All {
        let shapes =
            vec![Shape::Unit, Shape::New(1.5), Shape::Tuple(1, 0.5), Shape::Struct { x: Some(x), y: (-1, '\u{e9}') }];
        All { absent: None, wrapped: Wrapped(2.0), pair: Pair(1, "a\"b"), shapes, map: BTreeMap::from([(7, ())]) }
    }

    #[test]
    fn what_has_a_json_form_is_written_as_serde_json_does() {
        assert_eq!(to_vec(&all(3.25)).unwrap(), serde_json::to_vec(&all(3.25)).unwrap());
        let value = json!({"k\u{e9}": "\u{65e5}\u{1f600}", "n": [null, true, 1e22, 1e-7, -3, u64::MAX], "o": {}});
        assert_eq!(to_vec(&value).unwrap(), value.to_string().into_bytes());
    }

    // BODY-06, BODY-07
    #[test]
    fn falsy_values_are_bodies_too() {
        for (value, want) in [(json!(0), "0"), (json!(""), "\"\""), (json!([]), "[]"), (json!(false), "false")] {
            assert_eq!(to_vec(&value).unwrap(), want.as_bytes());
        }
    }

    // BODY-08
    #[test]
    fn numbers_without_a_json_form_are_refused_wherever_they_are() {
        let nan: Vec<Box<dyn Fn() -> Result<Vec<u8>>>> = vec![
            Box::new(|| to_vec(&f64::NAN)),
            Box::new(|| to_vec(&f32::INFINITY)),
            Box::new(|| to_vec(&[1.0, f64::NEG_INFINITY])),
            Box::new(|| to_vec(&(1, f32::NAN))),
            Box::new(|| to_vec(&BTreeMap::from([("k", Some(f64::NAN))]))),
            Box::new(|| to_vec(&Wrapped(f64::NAN))),
            Box::new(|| to_vec(&Shape::New(f64::NAN))),
            Box::new(|| to_vec(&Shape::Tuple(1, f32::NAN))),
            Box::new(|| to_vec(&all(f64::INFINITY))),
        ];
        for (index, write) in nan.iter().enumerate() {
            let error = write().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidJson, "{index}");
            assert!(error.to_string().ends_with(NOT_FINITE), "{index}: {error}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_serialized_is_invalid_json() {
        let error = to_vec(&BTreeMap::from([((1, 2), 3)])).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::InvalidJson);
    }
}
