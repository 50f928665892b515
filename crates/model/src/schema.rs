//! How our texts look in the OpenAPI document. Knows no routes.

use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr};

pub(crate) fn text(description: &str, pattern: Option<&str>) -> RefOr<Schema> {
    let builder = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    builder.description(Some(description)).pattern(pattern).into()
}

pub(crate) fn time() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .into()
}

/// For types that are written as text.
macro_rules! written_as_text {
    ($type:ty, $description:expr, $pattern:expr) => {
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::schema::text($description, $pattern)
            }
        }
        impl utoipa::ToSchema for $type {}
    };
}
pub(crate) use written_as_text;
