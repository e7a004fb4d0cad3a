//! A filter as one statement, which looks records up by what has fewest of them and gives them in
//! the order of seq without sorting.

use super::filter::{Filter, Order};
use super::names::{number, policies};
use super::store::{BLOCK_RECORDS, COMMON_KINDS, LOOKED_UP, integer};
use rusqlite::types::Value;
use rusqlite::{Connection, Result, params};

/// A statement and its values. Each row: seq, segment, start, bytes.
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

/// Columns of whose values fewer records have one than have one reason.
const MORE_TELLING: [&str; 6] = [
    "decision_id",
    "correlation_id",
    "session_id",
    "user",
    "principal",
    "agent",
];

#[derive(Default)]
struct Conditions {
    texts: Vec<String>,
    values: Vec<Value>,
    columns: Vec<&'static str>,
}

impl Conditions {
    fn is(&mut self, column: &'static str, value: Value) {
        self.texts.push(format!("{column} = ?"));
        self.values.push(value);
        self.columns.push(column);
    }

    fn is_among(&mut self, column: &'static str, numbers: &[i64]) {
        match numbers {
            [number] => self.is(column, Value::Integer(*number)),
            _ => {
                let places = vec!["?"; numbers.len()].join(", ");
                self.texts.push(format!("{column} IN ({places})"));
                let values = numbers.iter().map(|number| Value::Integer(*number));
                self.values.extend(values);
                self.columns.push(column);
            }
        }
    }
}

/// The statement for records from `first` to `last`; `None`: no record can match.
pub(super) fn statement(
    database: &Connection,
    filter: &Filter,
    order: Order,
    (first, last): (u64, u64),
    rows_max: usize,
) -> Result<Option<Statement>> {
    let Some((first, last)) = within_time(database, filter, (first, last))? else {
        return Ok(None);
    };
    let Some(mut conditions) = conditions(database, filter)? else {
        return Ok(None);
    };
    let reason = match filter.reason.as_str() {
        "" => None,
        code => match number(database, code)? {
            Some(code) => Some(code),
            None => return Ok(None),
        },
    };
    let direction = match order {
        Order::NewestFirst => "DESC",
        Order::OldestFirst => "ASC",
    };
    let looked_up = LOOKED_UP.iter().find(|it| conditions.columns.contains(it));
    // Fewer records are of one session or one user than have one reason, which tells more than the rest.
    let is_by_other = looked_up.is_some_and(|column| MORE_TELLING.contains(column));
    let from = match (looked_up, reason) {
        (_, Some(code)) if !is_by_other => {
            conditions.is("reasons.code", Value::Integer(code));
            "reasons CROSS JOIN records ON records.seq = reasons.seq".to_owned()
        }
        (Some(column), _) => format!("records INDEXED BY by_{column}"),
        (None, _) => "records NOT INDEXED".to_owned(),
    };
    let seq = match reason {
        Some(_) if !is_by_other => "reasons.seq",
        _ => "records.seq",
    };
    if let (Some(code), true) = (reason, is_by_other) {
        let among = "EXISTS (SELECT 1 FROM reasons WHERE code = ? AND seq = records.seq)";
        conditions.texts.push(among.to_owned());
        conditions.values.push(Value::Integer(code));
    }
    conditions.texts.push(format!("{seq} BETWEEN ? AND ?"));
    let range = [first, last].map(|seq| Value::Integer(integer(seq)));
    conditions.values.extend(range);
    let rows_max = integer(rows_max as u64);
    Ok(Some(Statement {
        text: format!(
            "SELECT records.seq, segment, start, bytes FROM {from} WHERE {} ORDER BY {seq} \
             {direction} LIMIT {rows_max}",
            conditions.texts.join(" AND ")
        ),
        values: conditions.values,
    }))
}

/// What each record must be; `None`: there is none like that.
fn conditions(database: &Connection, filter: &Filter) -> Result<Option<Conditions>> {
    let mut all = Conditions::default();
    for (column, text) in [
        ("decision_id", &filter.decision_id),
        ("session_id", &filter.session_id),
        ("correlation_id", &filter.correlation_id),
    ] {
        if !text.is_empty() {
            all.is(column, Value::Text(text.clone()));
        }
    }
    for (column, text) in [
        ("principal", &filter.principal),
        ("caller", &filter.caller),
        ("user", &filter.user),
        ("agent", &filter.agent),
        ("server", &filter.server),
        ("tool", &filter.tool),
        ("effect", &filter.effect),
        ("status", &filter.status),
    ] {
        if text.is_empty() {
            continue;
        }
        match number(database, text)? {
            Some(number) => all.is(column, Value::Integer(number)),
            None => return Ok(None),
        }
    }
    if !filter.revision.is_empty() {
        match policies(database, &filter.revision)?.as_slice() {
            [] => return Ok(None),
            found => all.is_among("policy", found),
        }
    }
    if !filter.types.is_empty() {
        let mut kinds = Vec::new();
        for kind in &filter.types {
            kinds.extend(number(database, kind)?);
        }
        if kinds.is_empty() {
            return Ok(None);
        }
        let is_common = |kind: &String| COMMON_KINDS.contains(&kind.as_str());
        let is_rare = !filter.types.iter().any(is_common);
        all.is_among(if is_rare { "rare_kind" } else { "kind" }, &kinds);
    }
    for (bound, micros) in [
        ("time >= ?", filter.micros_from()),
        ("time < ?", filter.micros_until()),
    ] {
        if let Some(micros) = micros {
            all.texts.push(bound.to_owned());
            all.values.push(Value::Integer(micros));
        }
    }
    Ok(Some(all))
}

/// The part of these records in which those of the filter's time are; `None`: there are none.
fn within_time(
    database: &Connection,
    filter: &Filter,
    (first, last): (u64, u64),
) -> Result<Option<(u64, u64)>> {
    if filter.from.is_none() && filter.until.is_none() {
        return Ok(Some((first, last)));
    }
    let from = filter.micros_from().unwrap_or(i64::MIN);
    let until = filter.micros_until().unwrap_or(i64::MAX);
    let blocks = "SELECT min(block), max(block) FROM blocks WHERE latest >= ? AND earliest < ?";
    let found = database.query_row(blocks, params![from, until], |row| {
        Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
    })?;
    let (Some(lowest), Some(highest)) = found else {
        return Ok(None);
    };
    let start = |block: i64| block.unsigned_abs().saturating_mul(BLOCK_RECORDS);
    let end = start(highest).saturating_add(BLOCK_RECORDS - 1);
    Ok(Some((first.max(start(lowest)), last.min(end))))
}
