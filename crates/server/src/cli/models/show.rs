//! `keystile models list` and `show`.

use model::Catalogue;
use model::catalogue::{Model, Provider};
use serde_json::{Map, Value, json};

use super::{document, named, now, provider_of};
use crate::cli::failure::Failure;
use crate::cli::output::{Format, printable, table};

#[derive(clap::Args)]
pub struct List {
    /// Only this provider's
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
}

#[derive(clap::Args)]
pub struct Show {
    /// Which one, as provider/model
    #[arg(value_name = "PROVIDER/MODEL")]
    name: String,
}

pub fn list(arguments: &List, catalogue: &Catalogue, format: Format) -> anyhow::Result<()> {
    let only = arguments.provider.as_deref();
    let only = only.map(|name| provider_of(catalogue, name)).transpose()?;
    let providers = catalogue.providers().iter();
    let providers = providers.filter(|provider| only.is_none_or(|only| only.id == provider.id));
    let all = providers.flat_map(|provider| {
        catalogue.models(&provider.id).map(move |(name, model)| (provider, name, model))
    });
    match format {
        Format::Json => {
            let items = all.map(|(provider, name, model)| view(catalogue, provider, name, model));
            document(&json!({ "items": items.collect::<Vec<_>>() }))
        }
        Format::Table => table(
            ["MODEL", "KIND", "CONTEXT", "INPUT", "CACHED", "OUTPUT", "STATUS"],
            all.map(|(provider, name, model)| row(catalogue, provider, name, model)),
        ),
    }
}

pub fn show(arguments: &Show, catalogue: &Catalogue, format: Format) -> anyhow::Result<()> {
    let (provider, name) = named(catalogue, &arguments.name)?;
    let Some(model) = catalogue.model(&provider.id, name) else {
        let name = printable(&arguments.name);
        return Err(Failure::Absent(format!("nothing is known of \"{name}\"")).into());
    };
    let view = view(catalogue, provider, name, model);
    if format == Format::Json {
        return document(&view);
    }
    let fields = view.as_object().into_iter().flatten();
    let rows = fields.flat_map(|(name, value)| match value {
        Value::Object(parts) => {
            parts.iter().map(|(part, value)| [part.clone(), cell(value)]).collect()
        }
        value => vec![[name.clone(), cell(value)]],
    });
    table(["FIELD", "VALUE"], rows)
}

fn view(catalogue: &Catalogue, provider: &Provider, name: &str, model: &Model) -> Value {
    let tariff = catalogue.tariff(&provider.id, name, now());
    let parts = tariff.as_ref().map(|tariff| {
        let parts = tariff.price().parts().into_iter();
        parts.map(|(name, usd)| (name, Value::String(usd))).collect::<Map<_, _>>()
    });
    let sources: Vec<_> = catalogue.sources(model).map(|source| source.name.as_str()).collect();
    json!({
        "model": format!("{}/{name}", provider.id),
        "kind": model.kind.as_str(),
        "context": model.context,
        "output": model.output,
        "status": model.status.as_str(),
        "ends": model.ends.map(|day| day.to_string()),
        "sources": sources,
        "price": tariff.as_ref().map(|tariff| tariff.version()),
        "usd": parts,
    })
}

fn row(catalogue: &Catalogue, provider: &Provider, name: &str, model: &Model) -> [String; 7] {
    let tariff = catalogue.tariff(&provider.id, name, now());
    let rates = tariff.as_ref().map(|tariff| &tariff.price().rates);
    let usd = |price: Option<model::TokenPrice>| price.map_or(NOTHING.into(), |it| it.to_string());
    [
        printable(&format!("{}/{name}", provider.id)),
        model.kind.as_str().to_owned(),
        model.context.map_or(NOTHING.into(), |tokens| tokens.to_string()),
        usd(rates.map(|rates| rates.input)),
        usd(rates.and_then(|rates| rates.cached)),
        usd(rates.map(|rates| rates.output)),
        model.status.as_str().to_owned(),
    ]
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::Array(values) if values.is_empty() => NOTHING.to_owned(),
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::String(text) => printable(text),
        other => other.to_string(),
    }
}

const NOTHING: &str = "-";
