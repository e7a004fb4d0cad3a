//! A filter as one statement, which looks records up by what has fewest of them and gives them in
//! the order of seq without sorting.

use super::filter::{Filter, Order};
use super::names::{number, policies};
use super::store::{LOOKED_UP, integer};
use super::taking::{BLOCK_RECORDS, COMMON_KINDS, Field, SPAN_RECORDS};
use rusqlite::types::Value;
use rusqlite::{Connection, Result, params};

/// A statement and its values. Each row: seq, segment, start, bytes.
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

#[derive(Default)]
struct Conditions {
    texts: Vec<String>,
    values: Vec<Value>,
    columns: Vec<&'static str>,
    /// What the spans of the records have.
    spans: Vec<(Field, i64)>,
}

impl Conditions {
    fn is(&mut self, column: &'static str, value: Value) {
        self.put(format!("{column} = ?"), [value]);
        self.columns.push(column);
    }

    fn put(&mut self, text: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.texts.push(text.into());
        self.values.extend(values);
    }

    fn is_among(&mut self, column: &'static str, numbers: &[i64]) {
        match numbers {
            [number] => self.is(column, Value::Integer(*number)),
            _ => {
                let places = vec!["?"; numbers.len()].join(", ");
                let values = numbers.iter().map(|number| Value::Integer(*number));
                self.put(format!("{column} IN ({places})"), values);
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
    let by = conditions.by(reason);
    let ordered = match by {
        By::Column(_) | By::Seq => format!("records.seq {direction}"),
        By::Reason(_) => format!("reasons.seq {direction}"),
        By::Span(..) => format!("spans.span {direction}, records.seq {direction}"),
    };
    let from = conditions.look_up(by, reason, (first, last));
    let rows_max = integer(rows_max as u64);
    Ok(Some(Statement {
        text: format!(
            "SELECT records.seq, segment, start, bytes FROM {from} WHERE {} ORDER BY {ordered} \
             LIMIT {rows_max}",
            conditions.texts.join(" AND ")
        ),
        values: conditions.values,
    }))
}

/// By what records are looked up.
#[derive(Clone, Copy)]
enum By {
    /// A column with an index: few records are of one session or one user.
    Column(&'static str),
    /// A reason's code.
    Reason(i64),
    /// Spans that have this.
    Span(Field, i64),
    /// Nothing: every record is looked at.
    Seq,
}

impl Conditions {
    /// What tells most.
    fn by(&self, reason: Option<i64>) -> By {
        let column = LOOKED_UP.iter().find(|it| self.columns.contains(it));
        match (column, reason, self.spans.iter().min()) {
            (Some(column), _, _) => By::Column(column),
            (None, Some(code), _) => By::Reason(code),
            (None, None, Some((field, value))) => By::Span(*field, *value),
            (None, None, None) => By::Seq,
        }
    }

    /// Adds what looking up like this needs, for records from `first` to `last`; the tables.
    fn look_up(&mut self, by: By, reason: Option<i64>, (first, last): (u64, u64)) -> String {
        let whole = |number: u64| Value::Integer(integer(number));
        let range = [whole(first), whole(last)];
        match by {
            By::Column(column) => {
                let among = "EXISTS (SELECT 1 FROM reasons WHERE code = ? AND seq = records.seq)";
                if let Some(code) = reason {
                    self.put(among, [Value::Integer(code)]);
                }
                self.put("records.seq BETWEEN ? AND ?", range);
                format!("records INDEXED BY by_{column}")
            }
            By::Reason(code) => {
                self.put("reasons.code = ?", [Value::Integer(code)]);
                self.put("reasons.seq BETWEEN ? AND ?", range);
                "reasons CROSS JOIN records ON records.seq = reasons.seq".to_owned()
            }
            By::Span(field, value) => {
                self.within_spans((field, value), (first, last));
                let rows = format!("spans.span * {SPAN_RECORDS}");
                let row = format!(
                    "records.seq BETWEEN max({rows}, ?) AND min({rows} + {}, ?)",
                    SPAN_RECORDS - 1
                );
                self.put(row, range);
                "spans CROSS JOIN records NOT INDEXED".to_owned()
            }
            By::Seq => {
                self.put("records.seq BETWEEN ? AND ?", range);
                "records NOT INDEXED".to_owned()
            }
        }
    }

    /// The spans of this value that have all the other values too.
    fn within_spans(&mut self, by: (Field, i64), (first, last): (u64, u64)) {
        let is = |(field, value): (Field, i64)| [field as i64, value].map(Value::Integer);
        self.put("spans.field = ? AND spans.value = ?", is(by));
        let range = [first, last].map(|seq| Value::Integer(integer(seq / SPAN_RECORDS)));
        self.put("spans.span BETWEEN ? AND ?", range);
        let also = "EXISTS (SELECT 1 FROM spans AS other WHERE other.field = ? AND other.value = ? \
                    AND other.span = spans.span)";
        for other in self.spans.clone() {
            if other != by {
                self.put(also, is(other));
            }
        }
    }
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
    for (column, text, field) in [
        ("principal", &filter.principal, None),
        ("caller", &filter.caller, Some(Field::Caller)),
        ("user", &filter.user, None),
        ("agent", &filter.agent, Some(Field::Agent)),
        ("server", &filter.server, Some(Field::Server)),
        ("tool", &filter.tool, Some(Field::Tool)),
        ("effect", &filter.effect, Some(Field::Effect)),
        ("status", &filter.status, Some(Field::Status)),
    ] {
        if text.is_empty() {
            continue;
        }
        let Some(number) = number(database, text)? else {
            return Ok(None);
        };
        all.is(column, Value::Integer(number));
        all.spans.extend(field.map(|field| (field, number)));
    }
    if !filter.revision.is_empty() {
        let Some(number) = number(database, &filter.revision)? else {
            return Ok(None);
        };
        let policies = policies(database, &filter.revision)?;
        if policies.is_empty() {
            return Ok(None);
        }
        all.is_among("policy", &policies);
        all.spans.push((Field::Policy, number));
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
        match kinds.as_slice() {
            [kind] => all.spans.push((Field::Kind, *kind)),
            _ if !filter.types.iter().any(is_common) => all.spans.push((Field::Rare, 0)),
            _ => {}
        }
        all.is_among("kind", &kinds);
    }
    for (bound, micros) in [
        ("time >= ?", filter.micros_from()),
        ("time < ?", filter.micros_until()),
    ] {
        if let Some(micros) = micros {
            all.put(bound, [Value::Integer(micros)]);
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
