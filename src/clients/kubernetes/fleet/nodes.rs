//! How many nodes are ready, as cheaply as Kubernetes can tell: a Table without the objects, the one `kubectl get nodes`
//! prints, some 300 bytes a node instead of 15,000.

use serde::Deserialize;
use serde_json::Value;

use crate::clients::kubernetes::connection::{Asking, Connection};
use crate::clients::kubernetes::error::{Error, Rule};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
/// From the server's memory, which is enough for counting.
const PATH: &str = "/api/v1/nodes?includeObject=None&resourceVersion=0";

static RULE: Rule = Rule {
    verbs: "list",
    resource: "nodes",
    group: "",
    namespace: None,
};

/// Nodes that are Ready, and all of them.
pub(super) async fn count(connection: &Connection) -> Result<(u32, u32), Error> {
    let asking = Asking {
        rule: &RULE,
        what: "nodes",
    };
    let body = connection.get_as(TABLE, PATH, asking).await?;
    read(&body).ok_or_else(|| Error::Unreadable {
        what: "the table of nodes".to_owned(),
        why: "it has no column Status".to_owned(),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Table {
    column_definitions: Vec<Column>,
    #[serde(default)]
    rows: Option<Vec<Row>>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

#[derive(Deserialize)]
struct Row {
    cells: Vec<Value>,
}

/// Reads the column Status: `Ready`, `Ready,SchedulingDisabled`, `NotReady`, `Unknown`.
fn read(body: &[u8]) -> Option<(u32, u32)> {
    let table: Table = serde_json::from_slice(body).ok()?;
    let status = (table.column_definitions.iter()).position(|column| column.name == "Status")?;
    let rows = table.rows.unwrap_or_default();
    let is_ready = |row: &&Row| {
        let cell = row.cells.get(status).and_then(Value::as_str);
        cell.is_some_and(|cell| cell.split(',').next() == Some("Ready"))
    };
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Some((
        count(rows.iter().filter(is_ready).count()),
        count(rows.len()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_nodes_are_counted_from_the_column_status() {
        let body = br#"{"kind":"Table","columnDefinitions":[{"name":"Name"},{"name":"Status"}],
            "rows":[{"cells":["a","Ready"]},{"cells":["b","Ready,SchedulingDisabled"]},
            {"cells":["c","NotReady"]},{"cells":["d","NotReady,SchedulingDisabled"]},{"cells":["e","Unknown"]},
            {"cells":["f"]},{"cells":["g",7]}]}"#;
        assert_eq!(read(body), Some((2, 7)));
        assert_eq!(
            read(br#"{"columnDefinitions":[{"name":"Status"}],"rows":null}"#),
            Some((0, 0))
        );
    }

    #[test]
    fn what_is_no_such_table_counts_nothing() {
        for body in [
            &br#"{"kind":"NodeList","items":[]}"#[..],
            br#"{"columnDefinitions":[{"name":"Name"}],"rows":[]}"#,
            b"<html>",
            b"",
        ] {
            assert_eq!(read(body), None);
        }
    }
}
