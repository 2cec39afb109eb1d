//! Flat values as fields: what serde serializes becomes names and values, for a query or a form.
//!
//! Flat is a struct or a map whose values are scalars, lists of scalars, or absent; or a list of pairs. Anything deeper is
//! refused, because a query has no form for it that servers agree on.

use std::fmt::{self, Display};

use serde::ser::{self, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// Names and values in order; `None` is a name whose value is absent.
pub(crate) type Fields = Vec<(String, Option<String>)>;

/// The fields of `value`.
///
/// # Errors
/// [`ErrorKind::InvalidSetting`] if it is not flat, or if its `Serialize` fails.
pub(crate) fn fields(value: &(impl Serialize + ?Sized)) -> Result<Fields> {
    value
        .serialize(Node)
        .and_then(flatten)
        .map_err(|Fault(text)| Error::message(ErrorKind::InvalidSetting, format!("not a flat list of fields: {text}")))
}

/// A value, in the order in which it was serialized.
enum Shape {
    Absent,
    Text(String),
    List(Vec<Shape>),
    Fields(Vec<(String, Shape)>),
}

fn flatten(shape: Shape) -> Result<Fields, Fault> {
    let mut fields = Fields::new();
    match shape {
        Shape::Absent => {}
        Shape::Fields(named) => named.into_iter().try_for_each(|(name, value)| push(&mut fields, name, value))?,
        Shape::List(pairs) => {
            for pair in pairs {
                let two = match pair {
                    Shape::List(two) => <[Shape; 2]>::try_from(two).ok(),
                    _ => None,
                };
                let Some([Shape::Text(name), value]) = two else {
                    return Err(Fault("the items of a list must be pairs of a name and a value".to_owned()));
                };
                push(&mut fields, name, value)?;
            }
        }
        Shape::Text(_) => return Err(Fault("a single value has no name".to_owned())),
    }
    Ok(fields)
}

/// Adds a field: one for each value of a list. A list without any value counts as absent.
fn push(fields: &mut Fields, name: String, value: Shape) -> Result<(), Fault> {
    match value {
        Shape::Absent => fields.push((name, None)),
        Shape::Text(text) => fields.push((name, Some(text))),
        Shape::List(items) => {
            let before = fields.len();
            for item in items {
                match item {
                    Shape::Absent => {}
                    Shape::Text(text) => fields.push((name.clone(), Some(text))),
                    Shape::List(_) | Shape::Fields(_) => {
                        return Err(Fault(format!("the list {name:?} has items that are lists or structs themselves")));
                    }
                }
            }
            if fields.len() == before {
                fields.push((name, None));
            }
        }
        Shape::Fields(_) => return Err(Fault(format!("the value of {name:?} is a struct or a map"))),
    }
    Ok(())
}

/// Why a value is not flat.
#[derive(Debug)]
struct Fault(String);

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl ser::Error for Fault {
    fn custom<T: Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

struct Node;

macro_rules! scalars {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(self, value: $type) -> Result<Shape, Fault> {
            Ok(Shape::Text(value.to_string()))
        }
    )*};
}

impl ser::Serializer for Node {
    type Ok = Shape;
    type Error = Fault;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = ser::Impossible<Shape, Fault>;
    type SerializeMap = Named;
    type SerializeStruct = Named;
    type SerializeStructVariant = ser::Impossible<Shape, Fault>;

    scalars! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_f32: f32,
        serialize_f64: f64,
        serialize_char: char,
        serialize_str: &str,
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Shape, Fault> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Shape::Text(text.to_owned())),
            Err(_) => Err(Fault("bytes that are not UTF-8 have no text form".to_owned())),
        }
    }

    fn serialize_none(self) -> Result<Shape, Fault> {
        Ok(Shape::Absent)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Shape, Fault> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Shape, Fault> {
        Ok(Shape::Absent)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Shape, Fault> {
        Ok(Shape::Absent)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Shape, Fault> {
        Ok(Shape::Text(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Shape, Fault> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: &T,
    ) -> Result<Shape, Fault> {
        Err(with_content(variant))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items, Fault> {
        // The length is a claim of the value's own; what it reserves is bounded.
        Ok(Items(Vec::with_capacity(length.unwrap_or(0).min(64))))
    }

    fn serialize_tuple(self, length: usize) -> Result<Items, Fault> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items, Fault> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Fault> {
        Err(with_content(variant))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Named, Fault> {
        Ok(Named { fields: Vec::with_capacity(length.unwrap_or(0).min(64)), name: None })
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Named, Fault> {
        self.serialize_map(Some(length))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Fault> {
        Err(with_content(variant))
    }
}

fn with_content(variant: &str) -> Fault {
    Fault(format!("the variant {variant} of an enum has a content"))
}

/// A list.
struct Items(Vec<Shape>);

impl Items {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.0.push(value.serialize(Node)?);
        Ok(())
    }
}

macro_rules! lists {
    ($($kind:ident::$method:ident)*) => {$(
        impl ser::$kind for Items {
            type Ok = Shape;
            type Error = Fault;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
                self.push(value)
            }

            fn end(self) -> Result<Shape, Fault> {
                Ok(Shape::List(self.0))
            }
        }
    )*};
}
lists!(SerializeSeq::serialize_element SerializeTuple::serialize_element SerializeTupleStruct::serialize_field);

/// A struct or a map; `name` is the key whose value comes next.
struct Named {
    fields: Vec<(String, Shape)>,
    name: Option<String>,
}

impl ser::SerializeMap for Named {
    type Ok = Shape;
    type Error = Fault;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        match key.serialize(Node)? {
            Shape::Text(name) => {
                self.name = Some(name);
                Ok(())
            }
            _ => Err(Fault("a key of a map has no text form".to_owned())),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        let name = self.name.take().ok_or_else(|| Fault("a map has a value without a key".to_owned()))?;
        self.fields.push((name, value.serialize(Node)?));
        Ok(())
    }

    fn end(self) -> Result<Shape, Fault> {
        Ok(Shape::Fields(self.fields))
    }
}

impl ser::SerializeStruct for Named {
    type Ok = Shape;
    type Error = Fault;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Fault> {
        self.fields.push((name.to_owned(), value.serialize(Node)?));
        Ok(())
    }

    fn end(self) -> Result<Shape, Fault> {
        Ok(Shape::Fields(self.fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn text(value: impl Serialize) -> String {
        let fields = fields(&value).unwrap();
        let shown = fields.iter().map(|(name, value)| match value {
            Some(value) => format!("{name}={value}"),
            None => format!("-{name}"),
        });
        shown.collect::<Vec<_>>().join("&")
    }

    #[derive(serde::Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Order {
        Newest,
        By(u8),
    }

    #[derive(serde::Serialize)]
    struct Id(u64);

    #[derive(serde::Serialize)]
    struct Filter<'a> {
        zone: &'a str,
        page: u32,
        tag: Option<&'a str>,
        ratio: f64,
        open: bool,
        kinds: Vec<&'a str>,
        order: Order,
        id: Id,
        #[serde(flatten)]
        rest: BTreeMap<&'a str, i8>,
    }

    #[test]
    fn a_struct_keeps_the_order_of_its_fields() {
        let filter = Filter {
            zone: "a b",
            page: 1,
            tag: None,
            ratio: 1.5,
            open: true,
            kinds: vec!["x", "y"],
            order: Order::Newest,
            id: Id(7),
            rest: BTreeMap::from([("n", -1)]),
        };

        assert_eq!(text(filter), "zone=a b&page=1&-tag&ratio=1.5&open=true&kinds=x&kinds=y&order=newest&id=7&n=-1");
    }

    // URL-26: a list is repeated, what is absent in it is left out
    #[test]
    fn lists_of_pairs_and_maps_are_fields_too() {
        assert_eq!(text([("a", "1"), ("b", "2")]), "a=1&b=2");
        assert_eq!(text(vec![("a", 1), ("a", 2)]), "a=1&a=2");
        assert_eq!(text([("a", [Some(1), None, Some(3)])]), "a=1&a=3");
        assert_eq!(text(BTreeMap::from([(1, 'x'), (2, 'y')])), "1=x&2=y");
        assert_eq!(text(BTreeMap::from([("a", Vec::<u8>::new())])), "-a");
        assert_eq!(
            (text(()), text(None::<Filter<'_>>), text(Some([("a", 1)]))),
            (String::new(), String::new(), "a=1".into())
        );
        assert_eq!(text([("n", i128::MIN)]), "n=-170141183460469231731687303715884105728");
    }

    #[test]
    fn what_is_not_flat_is_refused_and_named() {
        fn refused(value: impl Serialize) -> String {
            let error = fields(&value).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidSetting);
            error.to_string()
        }
        let map = BTreeMap::from([("k", 1)]);

        assert_eq!(refused([("a", &map)]), "not a flat list of fields: the value of \"a\" is a struct or a map");
        assert!(refused([("a", [[1]])]).contains("the list \"a\" has items"));
        assert!(refused([("a", Order::By(1))]).contains("the variant by of an enum has a content"));
        assert!(refused("a=1").contains("a single value has no name"));
        for list in [refused(["a"]), refused([("a", 1, 2)]), refused([(map.clone(), 1)])] {
            assert!(list.contains("must be pairs"), "{list}");
        }
        assert!(refused(BTreeMap::from([(Some(()), 1)])).contains("a key of a map has no text form"));
    }
}
