//! What the model may call. Google's own tools run at Google's and nowhere else.

use super::read_schema;
use crate::InvalidBody;
use crate::gemini::fields::Fields;
use crate::hub::{Ask, Tool, ToolChoice};

pub(super) fn read(
    entries: Vec<Fields>,
    left_out: &mut Vec<String>,
) -> Result<Vec<Tool>, InvalidBody> {
    let mut tools = Vec::new();
    for mut entry in entries {
        for declaration in entry.objects("functionDeclarations")? {
            tools.push(declared(declaration, left_out)?);
        }
        entry.refuse(&GOOGLES)?;
        entry.finish()?;
    }
    Ok(tools)
}

fn declared(mut declaration: Fields, left_out: &mut Vec<String>) -> Result<Tool, InvalidBody> {
    let name = declaration.required_text("name")?;
    let description = declaration.text("description")?;
    let parameters =
        read_schema(&mut declaration, ["parameters", "parametersJsonSchema"], left_out)?;
    declaration.leave_out(&["behavior", "response", "responseJsonSchema"], left_out);
    declaration.finish()?;
    Ok(Tool { name, description, parameters, ..Tool::default() })
}

pub(super) fn read_config(mut config: Fields, ask: &mut Ask) -> Result<(), InvalidBody> {
    config.leave_out(&["retrievalConfig", "includeServerSideToolInvocations"], &mut ask.left_out);
    if let Some(calling) = config.object("functionCallingConfig")? {
        calling_config(calling, ask)?;
    }
    config.finish()
}

fn calling_config(mut calling: Fields, ask: &mut Ask) -> Result<(), InvalidBody> {
    calling.leave_out(&["streamFunctionCallArguments"], &mut ask.left_out);
    let mode = calling.text("mode")?;
    let allowed = calling.texts("allowedFunctionNames")?;
    ask.tool_choice = match mode.as_deref() {
        None | Some("MODE_UNSPECIFIED") => None,
        // That the arguments fit the schema is what others have `strict` for.
        Some("AUTO" | "VALIDATED") => Some(ToolChoice::Auto),
        Some("NONE") => Some(ToolChoice::None),
        Some("ANY") => Some(match allowed.as_slice() {
            [name] => ToolChoice::Named(name.clone()),
            _ => ToolChoice::Required,
        }),
        Some(_) => return Err(calling.wrong("mode", "AUTO, ANY, VALIDATED or NONE")),
    };
    if allowed.len() > 1 || (!allowed.is_empty() && mode.as_deref() != Some("ANY")) {
        let expected = "one name with the mode ANY for this provider: declare only the functions that may be called";
        return Err(calling.wrong("allowedFunctionNames", expected));
    }
    calling.finish()
}

const GOOGLES: [&str; 9] = [
    "codeExecution",
    "computerUse",
    "enterpriseWebSearch",
    "fileSearch",
    "googleMaps",
    "googleSearch",
    "googleSearchRetrieval",
    "mcpServers",
    "urlContext",
];
