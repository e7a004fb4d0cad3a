//! A page of `tools/list` on its way to the client: hidden tools leave it, all else stays.

use crate::model::call::Phase;
use crate::model::time::Timestamp;
use crate::shim::denial::Denial;
use crate::shim::gate::Gate;
use crate::shim::pdp::{Answer, Question};
use crate::shim::splice::{self, Edit};
use crate::shim::tools::Page;

/// Nanoseconds in a millisecond.
const NANOS_PER_MS: i64 = 1_000_000;

/// What becomes of a page.
#[derive(Debug, PartialEq, Eq)]
pub struct Judged {
    /// What hides the tools that are not shown, in the order of the places.
    pub edits: Vec<Edit>,
    /// The names that are shown.
    pub shown: Vec<String>,
    /// How many tools are hidden.
    pub hidden: usize,
}

/// Asks about each tool of a page, which is a part of `whole`.
///
/// # Errors
/// The denial of the whole page.
pub async fn judge(
    gate: &Gate,
    common: &Question,
    whole: &[u8],
    page: &Page<'_>,
    modern: bool,
) -> Result<Judged, Box<Denial>> {
    let named: Vec<_> = page
        .entries
        .iter()
        .filter_map(|it| Some((it.name.as_ref()?, it)))
        .collect();
    let questions = named.iter().map(|(name, entry)| {
        let mut question = common.clone();
        question.phase = Phase::List;
        question.mcp.name.clone_from(name);
        question.definition_json = Some(entry.raw.to_vec());
        question
    });
    let answers = gate.judge_list(questions.collect()).await?;
    let shown = named.iter().zip(&answers);
    let shown = shown.filter(|(_, answer)| answer.visible && gate.holds(answer));
    let (names, shown): (Vec<String>, Vec<&[u8]>) = shown
        .map(|((name, entry), _)| ((*name).clone(), entry.raw))
        .unzip();
    let hidden = page.entries.len() - shown.len();
    let mut edits = Vec::new();
    if hidden > 0 {
        edits.extend(edit(whole, page.array, &array_of(&shown)));
    }
    if modern {
        edits.extend(private(whole, page));
        edits.extend(capped(whole, page, &answers, gate.now()));
    }
    edits.sort_by_key(|edit| edit.place.start);
    Ok(Judged {
        edits,
        shown: names,
        hidden,
    })
}

fn array_of(items: &[&[u8]]) -> Vec<u8> {
    [b"[".as_slice(), &items.join(b",".as_slice()), b"]"].concat()
}

fn edit(whole: &[u8], part: &[u8], with: &[u8]) -> Option<Edit> {
    let place = splice::place_of(whole, part)?;
    let with = with.to_vec();
    Some(Edit { place, with })
}

/// A filtered list is one caller's own: nobody may share it from a cache.
fn private(whole: &[u8], page: &Page<'_>) -> Option<Edit> {
    match page.member("cacheScope") {
        Some(b"\"private\"") => None,
        Some(raw) => edit(whole, raw, b"\"private\""),
        None => {
            let after = splice::place_of(whole, page.array)?.end;
            let with = b",\"cacheScope\":\"private\"".to_vec();
            let place = after..after;
            Some(Edit { place, with })
        }
    }
}

/// A list may be kept no longer than the verdicts on it hold.
fn capped(whole: &[u8], page: &Page<'_>, answers: &[Answer], now: Timestamp) -> Option<Edit> {
    let raw = page.member("ttlMs")?;
    let until = answers.iter().map(|answer| answer.valid_until).min()?;
    let cap_ms = until.as_nanos().saturating_sub(now.as_nanos()).max(0) / NANOS_PER_MS;
    let ttl_ms: Option<i64> = std::str::from_utf8(raw).ok()?.parse().ok();
    match ttl_ms {
        Some(ttl_ms) if (0..=cap_ms).contains(&ttl_ms) => None,
        _ => edit(whole, raw, cap_ms.to_string().as_bytes()),
    }
}
