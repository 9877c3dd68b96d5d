//! What the splitter of delimited text makes of small files, rule by rule, and what must hold
//! for any input at all.

mod csv;

use csv::{dialect, good, items, options, split, whole};
use loader_core::fault::FaultKind::*;
use loader_core::split::csv::fields::{Field, fields, fields_lenient, unescape};
use loader_core::split::csv::{Delimiter, Dialect, NewLine, Options};
use proptest::prelude::*;

/// The texts of the fields of a record.
fn texts(record: &str, dialect: &Dialect) -> Vec<String> {
    let mut list = Vec::new();
    fields(record.as_bytes(), dialect, &mut list).expect("memory").expect("a record");
    list.iter().map(|field| text(record, field, dialect)).collect()
}

fn text(record: &str, field: &Field, dialect: &Dialect) -> String {
    let mut text = Vec::new();
    let raw = &record.as_bytes()[field.start..field.end];
    if field.escaped {
        unescape(raw, dialect, &mut text).expect("memory");
    } else {
        text.extend_from_slice(raw);
    }
    String::from_utf8(text).expect("UTF-8")
}

#[test]
fn fields_are_listed_with_their_quotes_undone() {
    let d = dialect();
    assert_eq!(texts("1,two,3", &d), ["1", "two", "3"]);
    assert_eq!(texts("", &d), [""]);
    assert_eq!(texts(",", &d), ["", ""]);
    assert_eq!(texts(r#""a","b ""c""","""""#, &d), ["a", "b \"c\"", "\""]);
    assert_eq!(texts("\"a\nb\",\"c,d\"", &d), ["a\nb", "c,d"]);
    assert_eq!(texts(r#"1, "two" ,3"#, &d), ["1", "two", "3"]);
    assert_eq!(texts("1, two ,3", &d), ["1", " two ", "3"]);
    let backslash = Dialect { escape: Some(b'\\'), ..d };
    assert_eq!(texts(r#""a\"b","c\\",d\"#, &backslash), ["a\"b", "c\\", "d\\"]);
    assert_eq!(texts(r#""C:\new","it\'s""#, &backslash), [r"C:\new", r"it\'s"]);
    let bars = Dialect { delimiter: Delimiter::new(b"||").expect("a delimiter"), ..d };
    assert_eq!(texts(r#"a|b||"c||d"||"#, &bars), ["a|b", "c||d", ""]);
    let none = Dialect { quote: None, escape: None, ..d };
    assert_eq!(texts(r#""a,b""#, &none), ["\"a", "b\""]);
    let tabs = Dialect { delimiter: Delimiter::new(b"\t").expect("a delimiter"), ..d };
    assert_eq!(texts("a\t\t\"b\t\"", &tabs), ["a", "", "b\t"]);
}

#[test]
fn a_lenient_reading_takes_one_quote_literally() {
    let read = |record: &str, width| {
        let mut list = Vec::new();
        let read = fields_lenient(record.as_bytes(), &dialect(), width, &mut list).expect("memory");
        read.ok().map(|()| list.iter().map(|field| text(record, field, &dialect())).collect::<Vec<_>>())
    };
    assert_eq!(read(r#"5" disk,x"#, 2), Some(vec!["5\" disk".into(), "x".into()]));
    assert_eq!(read(r#"the "big" one,x"#, 2), Some(vec!["the \"big\" one".into(), "x".into()]));
    assert_eq!(read(r#""5" disk","x""#, 2), Some(vec!["5\" disk".into(), "x".into()]));
    assert_eq!(read(r#""a"b"c",x"#, 2), None);
    assert_eq!(read(r#"a"#, 2), Some(vec!["a".into()]));
}

#[test]
fn lines_are_records() {
    let o = options(dialect(), 2);
    assert_eq!(split("a,b\nc,d\n", o), good(["a,b", "c,d"]));
    assert_eq!(split("a,b\nc,d", o), good(["a,b", "c,d"]));
    assert_eq!(split("a,b\r\nc,d\r\n\r\n\ne,f\r", o), good(["a,b", "c,d", "e,f"]));
    assert_eq!(split("\u{feff}a,b\n  \n\t\nc,d\n", o), good(["a,b", "c,d"]));
    assert_eq!(split("", o), good([]));
    assert_eq!(split("\n\n", o), good([]));
    assert_eq!(split(",\n,\n", o), good([",", ","]));
    let cr = options(Dialect { new_line: NewLine::Cr, ..dialect() }, 2);
    assert_eq!(split("a,b\rc,d\r\ne,f\ng,h\r", cr), good(["a,b", "c,d", "e,f", "g,h"]));
    assert_eq!(split("a,\"b\rc\"\rd,e", cr), good(["a,\"b\rc\"", "d,e"]));
}

#[test]
fn quoted_fields_hold_anything() {
    let o = options(dialect(), 2);
    assert_eq!(split("a,\"b\nc\"\nd,e\n", o), good(["a,\"b\nc\"", "d,e"]));
    assert_eq!(split("\"a\r\n\r\nb\",\"x\ny\"\r\nd,e\n", o), good(["\"a\r\n\r\nb\",\"x\ny\"", "d,e"]));
    assert_eq!(split("a,\"\"\"\n\"\"\"\nd,e\n", o), good(["a,\"\"\"\n\"\"\"", "d,e"]));
    let backslash = options(Dialect { escape: Some(b'\\'), ..dialect() }, 2);
    assert_eq!(split("a,\"b\\\"\nc\\\"\"\nd,e\n", backslash), good(["a,\"b\\\"\nc\\\"\"", "d,e"]));
}

#[test]
fn quoted_fields_may_hold_what_looks_like_records() {
    let o = options(dialect(), 3);
    let mails: Vec<String> =
        (0..40).map(|n| format!("{n},\"Hi,\n{n}1,ab,7\n{n}2,cd,8\nbye\",{n}3")).collect();
    let text = mails.join("\n");
    let expected: Vec<_> = mails.iter().map(|mail| (None, mail.clone())).collect();
    assert_eq!(split(&text, o), expected);
    // Where it is no habit, such lines are records, and the quotes around them are lost.
    let plain = |n: u32| format!("{n},\"a {n}\",1{n}\n");
    let before: String = (0..30).map(plain).collect();
    let text = format!("{before}30,\"a 30,130\n31,ab,131\n32,cd,132\n33,a 33\",133\n34,e,134\n");
    let found = split(&text, o);
    let bad: Vec<&str> = found.iter().filter(|item| item.0.is_some()).map(|item| &*item.1).collect();
    assert_eq!((found.len(), bad), (35, vec!["30,\"a 30,130", "33,a 33\",133"]));
    // A field that holds records, and which no two lost quotes explain.
    let text = format!("{before}30,\"Hi\n31,ab,131\n32,cd,132\nbye\",133\n34,e,134\n");
    assert_eq!(split(&text, o).len(), 32);
}

/// A lost opening quote is told by the number of fields behind the closing one.
#[test]
fn a_damaged_record_ends_at_a_quote_only_where_all_its_other_fields_follow() {
    let numbers = |count: usize| vec!["7"; count].join(",");
    let (cut_off, part) = ("30,a,b,c,two", &*format!("lines\",{}", numbers(63)));
    // What is rejected of these two lines where lines end in the fifth column of a wide table.
    let rejected = |behind: usize| {
        let good: String =
            (0..20).map(|n| format!("{n},a,b,c,\"two\nlines\",{}\n", numbers(behind))).collect();
        let found = split(&format!("{good}{cut_off}\n{part}\n{good}"), options(dialect(), 5 + behind));
        found.into_iter().filter(|item| item.0.is_some()).map(|item| item.1).collect::<Vec<_>>()
    };
    assert_eq!(rejected(63), [format!("{cut_off}\n{part}")]);
    assert_eq!(rejected(64), [cut_off, part]);
    assert_eq!(rejected(95), [cut_off, part]);
}

#[test]
fn what_stands_before_the_records_is_framing() {
    let d = Dialect { skip: 2, header: 1, comment: Some(b'#'), ..dialect() };
    let o = options(d, 2);
    let text = "Report, of, things\n\"x\n# note\nid,\"na\nme\"\n1,a\n#,c,\n2,b\n id,\"na\nme\" \n3,c\n";
    assert_eq!(split(text, o), good(["1,a", "2,b", "3,c"]));
    let two = options(Dialect { header: 2, ..dialect() }, 2);
    assert_eq!(split("a,b\nc,d\n1,2\nc,d\na,b\n", two), good(["1,2", "a,b"]));
    assert_eq!(split("a,b", options(Dialect { header: 1, ..dialect() }, 2)), good([]));
}

#[test]
fn what_is_wrong_is_named() {
    let o = options(dialect(), 3);
    let around = |bad: &str| {
        let text = format!("1,a,x\n2,b,y\n{bad}\n3,c,z\n");
        let found = whole(text.as_bytes(), usize::MAX, o).found;
        assert_eq!(found.len(), 4, "{bad}: {found:?}");
        assert_eq!(found[2].bytes, bad.as_bytes());
        assert_eq!((found[2].line, found[3].line, found[2].number), (3, 4, 3));
        let fault = found[2].fault.expect("a fault");
        (fault.kind, fault.at - found[2].offset)
    };
    assert_eq!(around("7,b"), (MissingColumns, 3));
    assert_eq!(around("7,b,c,d"), (TooManyColumns, 6));
    assert_eq!(around("7,b,c,"), (TooManyColumns, 6));
    assert_eq!(around("7,\"b\"b,c"), (StrayQuote, 5));
    assert_eq!(around("7,5\" disk,c"), (StrayQuote, 3));
    assert_eq!(around("7,\"b,c"), (UnterminatedQuote, 2));
    assert_eq!(around("7,b\0,c"), (NulCharacter, 3));
    let broken = whole(b"1,a,x\n2,\xFF,y\n", usize::MAX, o).found;
    assert_eq!(broken[1].fault.expect("a fault").kind, InvalidUnicode);
    assert_eq!(broken[1].fault.expect("a fault").at, 8);
}

#[test]
fn surplus_fields_that_are_empty_are_no_fault() {
    let o = Options { surplus: 2, ..options(dialect(), 2) };
    let bad = Some(TooManyColumns);
    let text = "a,b\na,b,\na,b,,\"\"\na,b,,,\na,b,,x\n";
    let expected = [(None, "a,b"), (None, "a,b,"), (None, "a,b,,\"\""), (bad, "a,b,,,"), (bad, "a,b,,x")];
    assert_eq!(split(text, o), items(expected));
}

#[test]
fn lenient_records_may_be_short_or_have_a_stray_quote() {
    let o = Options { strict: false, ..options(dialect(), 2) };
    let text = "a,b\na\na,b,,,\n5\" disk,x\n\"5\" disk\",x\n\"a\"b\"c\",x\na,b,c\n";
    let expected = [
        (None, "a,b"),
        (None, "a"),
        (None, "a,b,,,"),
        (None, "5\" disk,x"),
        (None, "\"5\" disk\",x"),
        (Some(StrayQuote), "\"a\"b\"c\",x"),
        (Some(TooManyColumns), "a,b,c"),
    ];
    assert_eq!(split(text, o), items(expected));
}

#[test]
fn another_table_is_not_read_leniently() {
    let dialect = Dialect { header: 1, comment: Some(b'#'), ..dialect() };
    let o = Options { strict: false, ..options(dialect, 3) };
    let days: String = (10..20).map(|n| format!("{n},a,2024-01-{n}\n")).collect();
    let table = &format!("id,name,day\n{days}2,b\n3,c,2024-01-07,\n");
    let rows = |text: &str| -> Vec<String> {
        let good = split(text, o).into_iter().filter(|(fault, _)| fault.is_none());
        good.map(|(_, record)| record).collect()
    };
    let first: Vec<String> = table.lines().skip(1).map(str::to_string).collect();
    assert_eq!(rows(table), first);
    let of =
        |more: &[&str]| [&first[..], &more.iter().map(|row| row.to_string()).collect::<Vec<_>>()].concat();
    // Its header has names of the table, …
    let more = "id,name,day,note\n6,f,2024-01-10,\n7,g,2024-01-11,\n8,h,2024-01-12,\n";
    assert_eq!(rows(&format!("{table}{more}")), first);
    let less = "name,id\n\"f\n1\",6\ng,7\n";
    assert_eq!(rows(&format!("{table}\n{less}")), first);
    // … or words that do not fit, above values.
    let other = "region,total\nnorth,12\n# a remark\nsouth,13\n\neast,14\n";
    assert_eq!(rows(&format!("{table}{other}")), first);
    // Until the header of the table stands there again, …
    let again = format!("{table}{other}9,i,2024-01-13\n10,j\nid,name,day\n11,k\n");
    assert_eq!(rows(&again), of(&["9,i,2024-01-13", "11,k"]));
    // … and only if records of its width follow.
    let short = format!("{table}id,name\n6,f,2024-01-10\n7,g\n8,h,2024-01-12\n9,i\n");
    assert_eq!(rows(&short), of(&["6,f,2024-01-10", "7,g", "8,h,2024-01-12", "9,i"]));
    let one = format!("{table}id,name,day,note\n6,f,2024-01-10,\n");
    assert_eq!(rows(&one), of(&["6,f,2024-01-10,"]));
    // Words above words are rows that are short.
    let o = Options { width: 4, ..o };
    let words = "x,y,z,u\na,b,c,v\nd,e,f,w\ng,h,i,k\nl,m\nn,o\np,q\nr,s\n";
    assert!(split(words, o).iter().all(|(fault, _)| fault.is_none()));
}

#[test]
fn what_is_good_only_leniently_is_counted() {
    let tolerated = |text: &str, o: Options| whole(text.as_bytes(), usize::MAX, o).end.tally.tolerated;
    let o = Options { strict: false, surplus: 1, ..options(dialect(), 2) };
    let text = "a,b\na\na,b,\na,b,,,\n5\" disk,x\n\"5\" disk\",x\n\"a\"b\"c\",x\na,b,c\n\"a\nb\",c\n";
    assert_eq!(tolerated(text, o), 4);
    assert_eq!(tolerated(text, Options { strict: true, ..o }), 0);
    // The rest of a record in which a line ends is none that is short.
    let rows: String = (0..30).map(|n| format!("{n},a,2024-01-05,b\n")).collect();
    let text = format!("{rows}30,a\nlost,2024-01-05\nagain\n31,c\n32,d,2024-01-05,b\n");
    let o = Options { strict: false, ..options(dialect(), 4) };
    let good: Vec<_> = split(&text, o).into_iter().skip(30).filter(|item| item.0.is_none()).collect();
    assert_eq!(good, items([(None, "30,a"), (None, "31,c"), (None, "32,d,2024-01-05,b")]));
}

#[test]
fn records_that_are_too_large_are_passed_over() {
    let o = Options { max_record_size: 20, ..options(dialect(), 2) };
    let long = format!("a,{}", "x".repeat(30));
    let text = format!("a,b\n{long}\nc\nd,e\n\"{long}\n\",f\ng,h\n");
    let first = format!("{long}\nc");
    let second = format!("\"{long}\n\",f");
    let expected =
        [(None, "a,b"), (Some(TooLarge), &*first), (None, "d,e"), (Some(TooLarge), &*second), (None, "g,h")];
    assert_eq!(split(&text, o), items(expected));
}

/// So many inputs a property: `PROPTEST_CASES`, or few enough for every day.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2000)
}

fn any_dialect() -> impl Strategy<Value = Dialect> {
    let delimiter =
        prop_oneof![4 => Just(&b","[..]), 1 => Just(&b";"[..]), 1 => Just(&b" "[..]), 1 => Just(&b",;"[..])];
    let quotes = prop_oneof![
        4 => Just((Some(b'"'), Some(b'"'))),
        2 => Just((Some(b'"'), Some(b'\\'))),
        1 => Just((Some(b'\''), Some(b'\''))),
        1 => Just((None, None)),
    ];
    let new_line = prop_oneof![3 => Just(NewLine::Lf), 1 => Just(NewLine::CrLf), 1 => Just(NewLine::Cr)];
    let comment = prop_oneof![3 => Just(None), 1 => Just(Some(b'1'))];
    (delimiter, quotes, new_line, comment, 0u64..3, 0u64..3).prop_map(
        |(delimiter, (quote, escape), new_line, comment, skip, header)| Dialect {
            delimiter: Delimiter::new(delimiter).expect("a delimiter"),
            quote,
            escape,
            new_line,
            comment,
            skip,
            header,
        },
    )
}

fn soup() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop::sample::select(&b",,,,;\"\"\"\n\n\n\r ab11'\\"[..]);
    prop::collection::vec(byte, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_byte_is_booked_once_whatever_the_read_size(
        input in soup(), dialect in any_dialect(), width in 1usize..4, surplus in 0usize..2,
        strict in any::<bool>(), small in any::<bool>(),
    ) {
        let max_record_size = if small { 12 } else { 1 << 20 };
        let o = Options { dialect, width, surplus, strict, max_record_size, raw_limit: usize::MAX };
        let all = whole(&input, usize::MAX, o);
        let mut end = 0;
        for (at, item) in all.found.iter().enumerate() {
            prop_assert_eq!(item.number, at as u64 + 1);
            prop_assert!(item.offset >= end && item.length > 0);
            end = item.offset + item.length;
            prop_assert_eq!(&input[item.offset as usize..end as usize], &item.bytes[..]);
            let mut list = Vec::new();
            if item.fault.is_none() {
                let read = if strict {
                    fields(&item.bytes, &dialect, &mut list)
                } else {
                    fields_lenient(&item.bytes, &dialect, width, &mut list)
                };
                prop_assert_eq!(read, Ok(Ok(())));
                prop_assert!(!strict || list.len() >= width && list.len() <= width + surplus);
                prop_assert!(list.iter().skip(width).all(|field| field.start == field.end));
                prop_assert!(item.bytes.len() <= max_record_size);
            }
        }
        for step in [1, 2, 7] {
            let again = whole(&input, step, o);
            prop_assert_eq!(&again.found, &all.found);
            prop_assert_eq!(&again.marks, &all.marks);
        }
    }
}
