//! What a macro can see of a type: its tokens.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{PathSegment, Type};

/// The last segment of a path type; `Context<Self>` of `casty::Context<Self>`.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// Whether the last segment of a path type is `name`.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

/// Whether `word` occurs anywhere in `tokens`.
pub(crate) fn mentions(tokens: impl ToTokens, word: &Ident) -> bool {
    tokens.into_token_stream().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *word,
        TokenTree::Group(group) => mentions(group.stream(), word),
        _ => false,
    })
}

/// `tokens` with `Self` written out, for use outside of the impl.
pub(crate) fn without_self(tokens: impl ToTokens, itself: &impl ToTokens) -> TokenStream {
    let replace = |token| match token {
        TokenTree::Ident(ident) if ident == "Self" => itself.to_token_stream(),
        TokenTree::Group(group) => {
            let mut replaced = Group::new(group.delimiter(), without_self(group.stream(), itself));
            replaced.set_span(group.span());
            TokenTree::from(replaced).into()
        }
        other => other.into(),
    };
    tokens.into_token_stream().into_iter().flat_map(replace).collect()
}

#[cfg(test)]
mod tests {
    use quote::{format_ident, quote};
    use syn::parse_quote;

    use super::*;

    #[test]
    fn self_is_replaced_at_any_depth() {
        let replaced = without_self(quote!(Put<(Self, [Self; 2])>), &quote!(Cache<T>));
        assert_eq!(replaced.to_string(), quote!(Put<(Cache<T>, [Cache<T>; 2])>).to_string());
    }

    #[test]
    fn a_type_is_known_by_its_last_segment() {
        assert!(is_named(&parse_quote!(casty::Context<Self>), "Context"));
        assert!(!is_named(&parse_quote!(&Context<Self>), "Context"));
    }

    #[test]
    fn a_word_is_found_within_groups() {
        assert!(mentions(quote!(Option<(u8, Box<Tree>)>), &format_ident!("Tree")));
        assert!(!mentions(quote!(Option<Trees>), &format_ident!("Tree")));
    }
}
