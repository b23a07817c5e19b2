//! The fields of an entity: which is its id, and which are its state.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, quote};
use syn::{Attribute, Data, DeriveInput, Index, Member, Meta, Type};

use super::{Kind, settings::Settings};
use crate::{args::Arguments, errors::Errors, message::name_of, types::borrows};

const ARGUMENTS: Arguments = Arguments { attribute: "casty", usages: &["id", "skip"], elsewhere: &[] };

const NO_REFERENCES: &str = "an entity owns what it keeps, for it moves to other nodes: no references, but `String` or `Vec`; or leave it out of the \
     state: `#[casty(skip)]`";

/// A field of the struct.
pub(super) struct Field {
    pub(super) member: Member,
    pub(super) ty: Type,
    /// The conditions under which it is there.
    pub(super) cfgs: Vec<Attribute>,
    pub(super) role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Part of the state.
    Kept,
    /// Filled with the entity's id.
    Id,
    /// Not part of the state, or reported as wrong.
    Skipped,
}

/// What `#[casty(..)]` says of one field.
#[derive(Default)]
struct Words {
    is_given: bool,
    id: Option<Ident>,
    skip: Option<Ident>,
}

impl Field {
    /// Its name in a saved state: `balance`, or `0` in a tuple struct.
    pub(super) fn name(&self) -> String {
        match &self.member {
            Member::Named(ident) => name_of(ident),
            Member::Unnamed(index) => index.index.to_string(),
        }
    }
}

/// Reads the fields of a struct, and takes our attributes off them.
pub(super) fn parse(kind: Kind, settings: &Settings, item: &mut DeriveInput, errors: &mut Errors) -> Vec<Field> {
    let Data::Struct(data) = &mut item.data else { return Vec::new() };
    let mut fields: Vec<Field> = Vec::new();
    for (index, field) in data.fields.iter_mut().enumerate() {
        let words = words(&mut field.attrs, errors);
        let member = field.ident.clone().map_or_else(|| Member::Unnamed(Index::from(index)), Member::Named);
        let id = fields.iter().find(|field| field.role == Role::Id);
        let role = role(kind, settings, &words, id, errors);
        let cfgs: Vec<_> = field.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect();
        if let (Member::Unnamed(_), Some(cfg)) = (&member, cfgs.first()) {
            errors.at(cfg, "without this field those behind it have other numbers, which is what they are saved by: name them");
        }
        fields.push(Field { member, ty: field.ty.clone(), cfgs, role });
    }
    // A lifetime of its own is reported as such.
    let may_borrow = settings.custom.is_some() || item.generics.lifetimes().next().is_some();
    if !may_borrow {
        for field in fields.iter_mut().filter(|field| field.role == Role::Kept && borrows(&field.ty)) {
            errors.at(&field.ty, NO_REFERENCES);
            field.role = Role::Skipped;
        }
    }
    fields
}

/// Takes `#[casty(..)]` off one field.
fn words(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Words {
    let mut words = Words::default();
    let mut args = TokenStream::new();
    for attr in attrs.extract_if(.., |attr| attr.path().is_ident("casty")) {
        words.is_given = true;
        match &attr.meta {
            Meta::List(list) if !list.tokens.is_empty() => {
                let tokens = &list.tokens;
                args.extend(if args.is_empty() { tokens.to_token_stream() } else { quote!(, #tokens) });
            }
            _ => errors.at(&attr, "write `#[casty(id)]` on the field that is the entity's id, or `#[casty(skip)]`"),
        }
    }
    ARGUMENTS.read(args, errors, |word, _| {
        let of = if word == "id" { &mut words.id } else { &mut words.skip };
        *of = Some(word.clone());
        Ok(())
    });
    words
}

fn role(kind: Kind, settings: &Settings, words: &Words, known_id: Option<&Field>, errors: &mut Errors) -> Role {
    match words {
        Words { id: Some(id), .. } if kind == Kind::Singleton => {
            errors.at(id, "a singleton has no id, for there is one of it: leave `#[casty(id)]` out");
            Role::Skipped
        }
        Words { id: Some(id), .. } if known_id.is_some() => {
            let known = known_id.map(Field::name).unwrap_or_default();
            errors.at(id, format!("the field `{known}` is the id already; an entity has one"));
            Role::Skipped
        }
        Words { id: Some(_), skip, .. } => {
            if let Some(skip) = skip {
                errors.at(skip, "the id is never part of the state: leave `skip` out");
            }
            Role::Id
        }
        Words { skip: Some(skip), .. } => {
            if settings.custom.is_some() {
                let text = "`skip` contradicts `state = custom`, with which `State::get_state` says what is kept; leave one of \
                            them out";
                errors.at(skip, text);
            }
            Role::Skipped
        }
        // What was meant is not known, and so no ground for another error.
        Words { is_given: true, .. } => Role::Skipped,
        Words { is_given: false, .. } => Role::Kept,
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;
    use crate::entity::settings;

    fn read(kind: Kind, item: DeriveInput) -> (Vec<(String, Role)>, Vec<String>) {
        read_with(kind, &Settings::default(), item)
    }

    fn read_with(kind: Kind, settings: &Settings, mut item: DeriveInput) -> (Vec<(String, Role)>, Vec<String>) {
        let mut errors = Errors::default();
        let fields = parse(kind, settings, &mut item, &mut errors);
        assert!(!item.to_token_stream().to_string().contains("casty"), "our attributes are taken off");
        (fields.iter().map(|field| (field.name(), field.role)).collect(), errors.texts())
    }

    #[test]
    fn each_field_has_its_role() {
        let (fields, errors) = read(
            Kind::Sharded,
            parse_quote!(
                struct Account {
                    #[casty(id)]
                    r#type: String,
                    balance: i64,
                    #[casty(skip)]
                    cache: &'static str,
                }
            ),
        );
        assert_eq!(errors, Vec::<String>::new());
        let expected = [("type", Role::Id), ("balance", Role::Kept), ("cache", Role::Skipped)];
        assert_eq!(fields, expected.map(|(name, role)| (name.to_owned(), role)));
    }

    #[test]
    fn the_fields_of_a_tuple_go_by_their_numbers() {
        let (fields, _) = read(
            Kind::Singleton,
            parse_quote!(
                struct Pair(#[casty(skip)] u8, u16);
            ),
        );
        assert_eq!(fields, [("0".to_owned(), Role::Skipped), ("1".to_owned(), Role::Kept)]);
    }

    #[test]
    fn each_mistake_is_reported_once() {
        let (fields, errors) = read(
            Kind::Sharded,
            parse_quote!(
                struct Account {
                    #[casty(id, skip)]
                    first: String,
                    #[casty(id)]
                    second: String,
                    #[casty(ids)]
                    unknown: NotSerde,
                    #[casty]
                    empty: NotSerde,
                    #[casty(skip)]
                    #[casty(skip)]
                    twice: u8,
                    borrowed: &'static str,
                }
            ),
        );
        assert_eq!(errors.len(), 6, "{errors:?}");
        assert!(fields.iter().all(|(_, role)| *role != Role::Kept), "{fields:?}");
    }

    #[test]
    fn a_singleton_has_no_id() {
        let (fields, errors) = read(
            Kind::Singleton,
            parse_quote!(
                struct Jobs {
                    #[casty(id)]
                    id: String,
                }
            ),
        );
        assert_eq!((fields[0].1, errors.len()), (Role::Skipped, 1));
    }

    #[test]
    fn with_a_state_of_its_own_nothing_is_skipped() {
        let settings = settings::parse(Kind::Sharded, &parse_quote!(#[sharded(state = custom)]), &mut Errors::default());
        let item = parse_quote!(
            struct Count {
                #[casty(skip)]
                a: u8,
                #[casty(id)]
                id: String,
                name: &'static str,
            }
        );
        assert_eq!(read_with(Kind::Sharded, &settings, item).1.len(), 1);
    }
}
