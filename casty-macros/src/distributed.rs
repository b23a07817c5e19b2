//! The arguments of `#[casty::main(distributed, ..)]`: what node the program is, unless its environment says otherwise.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, quote};
use syn::{LitStr, Token, bracketed, parse::ParseStream, punctuated::Punctuated};

use crate::{
    args::{Arguments, one_of},
    errors::Errors,
};

const MAIN: Arguments = Arguments {
    attribute: "casty::main",
    usages: &[
        "distributed",
        "bind = \"0.0.0.0:8001\"",
        "seeds = [\"node1:8001\"]",
        "node_id = \"node-1\"",
        "data_dir = \"data/node-1\"",
        "cluster_name = \"shop\"",
        "raft = fast | relaxed | default",
        "insecure",
    ],
    elsewhere: &[
        ("secret", "a secret does not belong into source code; use CASTY_SECRET in the environment"),
        ("tls", "certificates differ from node to node; use CASTY_TLS_CA, CASTY_TLS_CERT and CASTY_TLS_KEY in the environment"),
        ("advertise", "what others dial differs from node to node; use CASTY_ADVERTISE in the environment"),
    ],
};

/// Where a node listens if nobody says.
const BIND: &str = "127.0.0.1:0";

/// The expression that makes the node's settings, or `None` for a system in one process.
pub(crate) fn read(args: TokenStream, errors: &mut Errors) -> Option<TokenStream> {
    let mut distributed = false;
    let mut bind = BIND.to_token_stream();
    let mut settings = TokenStream::new();
    let mut first = None;
    MAIN.read(args, errors, |name, input| {
        if name == "distributed" {
            distributed = true;
            return Ok(());
        }
        first.get_or_insert_with(|| name.clone());
        match &*name.to_string() {
            "bind" => bind = text(input)?,
            _ => settings.extend(setting(name, input)?),
        }
        Ok(())
    });
    if let Some(first) = first
        && !distributed
    {
        errors.at(&first, format!("`{first}` is for a node of a cluster; write `#[casty::main(distributed, {first} ..)]`"));
    }
    distributed.then(|| quote!(::casty::__private::ActorSystem::distributed(#bind) #settings))
}

/// The call that sets what the argument says.
fn setting(name: &Ident, input: ParseStream<'_>) -> syn::Result<TokenStream> {
    Ok(match &*name.to_string() {
        "insecure" => quote!(.insecure()),
        "raft" => {
            let preset = one_of(input, &["fast", "relaxed", "default"])?;
            if preset == "default" { TokenStream::new() } else { quote!(.raft(::casty::__private::RaftConfig::#preset())) }
        }
        "seeds" => {
            let list;
            bracketed!(list in input);
            let seeds = Punctuated::<LitStr, Token![,]>::parse_terminated(&list)?;
            if seeds.is_empty() { TokenStream::new() } else { quote!(.seeds([#seeds])) }
        }
        _ => {
            let text = text(input)?;
            quote!(.#name(#text))
        }
    })
}

fn text(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let text: LitStr = input.parse()?;
    if text.value().is_empty() {
        return Err(syn::Error::new(text.span(), "this is empty"));
    }
    Ok(text.into_token_stream())
}
