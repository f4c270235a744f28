//! Draws what happened.

use std::{fmt::Write, time::Duration};

/// One line of a ladder.
pub(crate) enum Rung {
    Sent { at: Duration, from: usize, to: usize, label: String, lost: bool },
    Note { at: Duration, node: usize, text: String },
}

const WIDTH: usize = 34;
const MARGIN: usize = 12;

pub(crate) fn draw(names: &[&str], rungs: &[Rung]) -> String {
    let mut out = String::new();
    let mut head = " ".repeat(MARGIN);
    for name in names {
        // A name stands over its lifeline, centred.
        let start = head.chars().count() - name.chars().count().min(MARGIN) / 2;
        head = head.chars().take(start).collect();
        head.push_str(name);
        let lifeline = MARGIN + (WIDTH + 1) * (names.iter().position(|n| n == name).unwrap_or(0) + 1);
        while head.chars().count() < lifeline {
            head.push(' ');
        }
    }
    let _ = writeln!(out, "{}", head.trim_end());
    for rung in rungs {
        let _ = writeln!(out, "{}", line(names.len(), rung).trim_end());
    }
    out
}

fn line(nodes: usize, rung: &Rung) -> String {
    let (at, rest) = match rung {
        Rung::Sent { at, from, to, label, lost } => (at, arrow(nodes, *from, *to, label, *lost)),
        Rung::Note { at, node, text } => (at, note(nodes, *node, text)),
    };
    format!("{:>6} ms   {rest}", at.as_millis())
}

fn arrow(nodes: usize, from: usize, to: usize, label: &str, lost: bool) -> String {
    let (left, right) = (from.min(to), from.max(to));
    let span = (right - left) * (WIDTH + 1) - 1;
    let room = span.saturating_sub(6);
    let label: String = label.chars().take(room).collect();
    let dashes = span - label.chars().count() - 2;
    let before = dashes / 2;
    let mut body: Vec<char> =
        format!("{} {label} {}", "-".repeat(before), "-".repeat(dashes - before)).chars().collect();
    let head = if lost {
        'x'
    } else if to > from {
        '>'
    } else {
        '<'
    };
    let tip = if to > from { body.len().saturating_sub(1) } else { 0 };
    if let Some(c) = body.get_mut(tip) {
        *c = head;
    }
    let mut text = String::new();
    for node in 0..nodes {
        text.push('|');
        if node == left {
            text.extend(&body);
        } else if (node < left || node >= right) && node + 1 < nodes {
            text.push_str(&" ".repeat(WIDTH));
        }
    }
    text
}

fn note(nodes: usize, node: usize, text: &str) -> String {
    let mut line = String::new();
    for n in 0..nodes {
        line.push('|');
        if n + 1 < nodes && n != node {
            line.push_str(&" ".repeat(WIDTH));
        } else if n == node {
            let shown = format!(" * {text}");
            line.push_str(&shown);
            if n + 1 < nodes {
                line.push_str(&" ".repeat(WIDTH.saturating_sub(shown.chars().count())));
            }
        }
    }
    line
}
