//! `#[sharded]` and `#[singleton]`: an actor with an id and a state that is kept.
//!
//! Read by `#[actor]`, like the `#[casty(..)]` of the fields.

mod fields;
mod generate;
mod settings;

use proc_macro2::TokenStream;
use syn::{Data, DeriveInput, Path};

use crate::{actor::is_attribute, errors::Errors};
use fields::Field;
use settings::Settings;

/// What the attributes of an entity say.
pub(crate) struct Entity {
    kind: Kind,
    settings: Settings,
    fields: Vec<Field>,
    /// Whether it is a struct without parameters. What is none gets an empty implementation.
    is_right: bool,
    /// The paths that the user wrote for our attributes.
    pub(crate) paths: Vec<Path>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sharded,
    Singleton,
}

impl Kind {
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Sharded => "sharded",
            Self::Singleton => "singleton",
        }
    }
}

/// Takes `#[sharded]` or `#[singleton]` off, and with it the attributes of the fields; nothing if it has neither.
pub(crate) fn parse(item: &mut DeriveInput, errors: &mut Errors) -> Option<Entity> {
    let kind_of = |attr: &_| [Kind::Sharded, Kind::Singleton].into_iter().find(|kind| is_attribute(attr, kind.attribute()));
    let attrs: Vec<_> = item.attrs.extract_if(.., |attr| kind_of(attr).is_some()).collect();
    let (first, others) = attrs.split_first()?;
    let kind = kind_of(first)?;
    for other in others {
        let text = if kind_of(other) == Some(kind) {
            format!("`#[{}]` is given twice; leave one of them out", kind.attribute())
        } else {
            "an actor is either `#[sharded]`, many of it by their ids, or a `#[singleton]`, one in the cluster; leave one of \
             them out"
                .to_owned()
        };
        errors.at(other.path(), text);
    }
    let settings = settings::parse(kind, first, errors);
    let fields = fields::parse(kind, &settings, item, errors);
    let is_right = check(item, errors);
    let paths = attrs.iter().map(|attr| attr.path().clone()).collect();
    Some(Entity { kind, settings, fields, is_right, paths })
}

/// Reports what cannot be an entity at all. (No actor has lifetimes, which is reported there.)
fn check(item: &DeriveInput, errors: &mut Errors) -> bool {
    let types = item.generics.params.iter().filter(|param| !matches!(param, syn::GenericParam::Lifetime(_)));
    let types: Vec<_> = types.collect();
    if let [first, ..] = &*types {
        let text = "an entity has no generic parameters, for other nodes find its type by its name alone: write an entity for \
                    each type that they stand for";
        errors.at(first, text);
    }
    let is_enum = !matches!(item.data, Data::Struct(_));
    if is_enum {
        errors.at(&item.ident, "an entity is a struct, whose fields are its state: put this enum into a field of one");
    }
    !is_enum && item.generics.params.is_empty()
}

impl Entity {
    /// The `Entity` impl.
    pub(crate) fn tokens(&self, item: &DeriveInput) -> TokenStream {
        if self.is_right { generate::entity(self, &item.ident) } else { generate::shell(self, item) }
    }
}
