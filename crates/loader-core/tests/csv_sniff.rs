//! What the sniffer finds out of files as they are, and where it refuses to guess.

use loader_core::split::csv::sniff::{Guess, Samples, Sniffed, sniff};
use loader_core::split::csv::{Delimiter, NewLine, Overrides};

fn sniffed(text: &[u8], overrides: &Overrides) -> Sniffed {
    sniff(&Samples { head: text, is_whole: true, others: &[] }, overrides).expect("there is memory")
}

#[track_caller]
fn sure_with(text: impl AsRef<[u8]>, overrides: &Overrides) -> Guess {
    match sniffed(text.as_ref(), overrides) {
        Sniffed::Sure(guess, _) => guess,
        Sniffed::Unsure(guesses) => panic!("refused, between {guesses:#?}"),
    }
}

#[track_caller]
fn sure(text: impl AsRef<[u8]>) -> Guess {
    sure_with(text, &Overrides::default())
}

#[track_caller]
fn refused(text: &str) -> Vec<Guess> {
    match sniffed(text.as_bytes(), &Overrides::default()) {
        Sniffed::Sure(guess, _) => panic!("guessed {guess:#?}"),
        Sniffed::Unsure(guesses) => guesses,
    }
}

/// Delimiter, width, lines before the header and of the header.
#[track_caller]
fn shape(guess: &Guess) -> (&str, usize, u64, u64) {
    let delimiter = std::str::from_utf8(guess.dialect.delimiter.bytes()).expect("UTF-8");
    (delimiter, guess.width, guess.dialect.skip, guess.dialect.header)
}

#[test]
fn a_usual_file() {
    let guess = sure("id,name,born\n1,Ann,1990-01-02\n2,Bob,1991-03-04\n");
    assert_eq!(shape(&guess), (",", 3, 0, 1));
    assert_eq!(guess.names, ["id", "name", "born"]);
    assert_eq!((guess.dialect.quote, guess.dialect.escape), (Some(b'"'), Some(b'"')));
    assert_eq!((guess.dialect.new_line, guess.dialect.comment, guess.surplus), (NewLine::Lf, None, 0));
}

#[test]
fn nothing_and_a_header_alone() {
    for text in ["", "\n\n", "\u{FEFF}"] {
        let guess = sure(text);
        assert_eq!(shape(&guess), (",", 0, 0, 1), "{text:?}");
        assert!(guess.names.is_empty());
    }
    let guess = sure("\u{FEFF}id,name,born\r\n");
    assert_eq!(shape(&guess), (",", 3, 0, 1));
    assert_eq!(guess.names, ["id", "name", "born"]);
    assert_eq!(sure("name\n").names, ["name"]);
    assert_eq!(shape(&sure("id;name;born")), (";", 3, 0, 1));
}

#[test]
fn every_delimiter() {
    for delimiter in [",", ";", "\t", "|", "^", "~", "\x01", "\x1F", "||", "::", ";;", "~|", "|~|", "#", "¦"]
    {
        let rows = [
            ["id", "name", "price", "day"],
            ["1", "Ann Lee", "1.50", "2024-01-05"],
            ["2", "Bob", "22.00", "2024-01-06"],
            ["3", "", "7.25", "2024-02-01"],
            ["4", "Dan, of York", "7.25", "2024-02-02"],
        ];
        let cell =
            |cell: &&str| if cell.contains(delimiter) { format!("\"{cell}\"") } else { cell.to_string() };
        let lines = rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(delimiter));
        let guess = sure(lines.collect::<Vec<_>>().join("\n"));
        assert_eq!(shape(&guess), (delimiter, 4, 0, 1));
        assert_eq!(guess.names, ["id", "name", "price", "day"]);
    }
}

#[test]
fn a_blank_as_delimiter_and_a_colon() {
    let guess = sure("host status bytes\na.example 200 512\nb.example 404 13\nc.example 200 77\n");
    assert_eq!(shape(&guess), (" ", 3, 0, 1));
    let guess = sure(
        "root:x:0:0:root:/root:/bin/sh\nbin:x:1:1:bin:/bin:/bin/false\nann:x:1000:1000:Ann:/home/ann:/bin/sh\n",
    );
    assert_eq!(shape(&guess), (":", 7, 0, 0));
}

#[test]
fn a_quote_first_seen_behind_the_head() {
    let head = "id,note\n".to_string() + &"1,plain\n".repeat(3000);
    let quoted = "cut off\n5,\"one, two\"\n6,\"three\"\n7,plain\n8,cut";
    let single = "cut off\n5,'one, two'\n6,'three'\n7,plain\n8,'a, b'\n9,cut";
    let quote = |other: &str| {
        let samples = Samples { head: head.as_bytes(), is_whole: false, others: &[other.as_bytes()] };
        match sniff(&samples, &Overrides::default()).expect("there is memory") {
            Sniffed::Sure(guess, _) => (guess.width, guess.dialect.quote),
            Sniffed::Unsure(guesses) => panic!("refused, between {guesses:#?}"),
        }
    };
    assert_eq!(quote(quoted), (2, Some(b'"')));
    assert_eq!(quote(single), (2, Some(b'\'')));
}

#[test]
fn a_sample_may_begin_within_quotes() {
    let head = "id,note\n".to_string() + &"1,\"some\ntext, more\"\n".repeat(300);
    let other = "text, more\"\n2,\"some\ntext, more\"\n3,\"some\ntext, more\"\n4,\"some\nte";
    let samples =
        Samples { head: head.as_bytes(), is_whole: false, others: &[other.as_bytes(), other.as_bytes()] };
    let Sniffed::Sure(guess, _) = sniff(&samples, &Overrides::default()).expect("there is memory") else {
        panic!("refused");
    };
    assert_eq!(shape(&guess), (",", 2, 0, 1));
}

#[test]
fn decimal_commas() {
    let guess = sure("name;price;size\nAnn;1,50;2,75\nBob;3,25;4,10\nCem;12,99;0,50\n");
    assert_eq!(shape(&guess), (";", 3, 0, 1));
    let guess = sure("1,5;2,5;3,5\n1,7;2,6;3,1\n9,5;8,5;7,5\n");
    assert_eq!(shape(&guess), (";", 3, 0, 0));
}

#[test]
fn text_only() {
    let guess = sure("first,last,town\nAnn,Lee,York\nBob,Ray,Hull\nCem,Fox,Bath\n");
    assert_eq!(shape(&guess), (",", 3, 0, 1));
    assert_eq!(guess.names, ["first", "last", "town"]);
    // The first line is like the others: its values stand beneath again.
    let guess = sure("Ann,north,red\nBob,south,blue\nCem,north,red\nDan,east,red\n");
    assert_eq!((shape(&guess), guess.names.len()), ((",", 3, 0, 0), 0));
}

#[test]
fn headers_that_look_like_values() {
    let guess = sure("country,2019,2020,2021\nFrance,1.5,1.7,1.8\nSpain,2.5,2.75,2.5\nItaly,3,1,2\n");
    assert_eq!((guess.dialect.header, guess.names[1].as_str()), (1, "2019"));
    let guess = sure("place,1/22/20,1/23/20\nHubei,444,555\nAnhui,1,9\n");
    assert_eq!(guess.dialect.header, 1);
    assert_eq!(sure("1,2,3\n4,5,6\n7,8,9\n").dialect.header, 0);
    assert_eq!(sure("10,ann,2024-01-01\n11,bob,2024-01-02\n").dialect.header, 0);
}

#[test]
fn duplicate_and_missing_names() {
    let guess = sure("id,Id,id,\n1,2,3,x\n4,5,6,y\n");
    assert_eq!(guess.names, ["id", "Id", "id", ""]);
    let guess = sure("\"a \"\"b\"\"\", c ,d\n1,2,3\n4,5,6\n");
    assert_eq!(guess.names, ["a \"b\"", "c", "d"]);
}

#[test]
fn a_preamble_and_a_footer() {
    let table = "id,name,amount\n1,Ann,10.5\n2,Bob,20.5\n3,Cem,30.5\n4,Dan,40.5\n";
    let guess = sure(format!("Report of sales\nprinted 2024-01-05\n\n{table}\nTotal: 4 rows\n"));
    assert_eq!(shape(&guess), (",", 3, 3, 1));
    assert_eq!(guess.names, ["id", "name", "amount"]);
    let guess = sure(format!("REPORT,,\n,,\n{table}"));
    assert_eq!(shape(&guess), (",", 3, 2, 1));
    // Bytes of another encoding in the title.
    let latin = [b"R\xE9sum\xE9 de l'ann\xE9e\n".as_slice(), table.as_bytes()].concat();
    assert_eq!(shape(&sure(latin)), (",", 3, 1, 1));
    // A title with commas.
    let text = "Sample 12, taken by Ann, on Friday\ncm,g\n4000.5,0.25\n3999.5,0.5\n3998.5,0.25\n";
    assert_eq!(shape(&sure(text)), (",", 2, 1, 1));
    // Blank lines are no preamble.
    assert_eq!(shape(&sure(format!("\n\n{table}"))), (",", 3, 0, 1));
}

#[test]
fn headers_of_several_lines() {
    let guess = sure("time,depth,mass\ns,m,kg\n0.5,10,3.5\n1.0,11,3.25\n1.5,12,3.75\n2.0,13,4\n");
    assert_eq!(shape(&guess), (",", 3, 0, 2));
    assert_eq!(guess.names, ["s", "m", "kg"]);
    let guess = sure("a,b,c\na,b,c\na,b,c\n1,2,x\n3,4,y\n5,6,z\n");
    assert_eq!(shape(&guess), (",", 3, 0, 3));
}

#[test]
fn a_record_without_its_values_is_no_second_line_of_a_header() {
    let row = |n: u32| format!("Bert,{},{}\n", 150 + n * 7, 40 + n * n);
    let rows = (1..10).map(row).collect::<String>() + "Cem,unknown,90\n";
    // Names differ from each other, and do not stand among the values.
    for missing in ["unknown,unknown", "unknown,missing"] {
        let guess = sure(format!("name,height,weight\nAnna,{missing}\n{rows}"));
        assert_eq!(shape(&guess), (",", 3, 0, 1), "{missing}");
        assert_eq!(guess.names, ["name", "height", "weight"]);
    }
    let guess = sure(format!("name,height,weight\nAnna,unknown,unknown\nAnn,unknown,missing\n{rows}"));
    assert_eq!(shape(&guess), (",", 3, 0, 1));
    // Units do, if they are different ones, …
    let guess = sure(format!("name,height,weight\n-,cm,kg\n{rows}"));
    assert_eq!((shape(&guess), guess.names[1].as_str()), ((",", 3, 0, 2), "cm"));
    // … and if they are not, where names follow.
    let units = "name,height,weight\nx,1 m,1 m\n";
    assert_eq!(shape(&sure(format!("{units}{rows}"))), (",", 3, 0, 1));
    let guess = sure(format!("{units}Name,How tall,How heavy\n{rows}"));
    assert_eq!((shape(&guess), guess.names[1].as_str()), ((",", 3, 0, 3), "How tall"));
    // Where a line above groups the columns, each group may have the same names.
    let guess = sure("place,2023,,2024,\n,low,high,low,high\nBern,1,5,2,6\nRome,3,7,4,8\nOslo,0,2,1,3\n");
    assert_eq!(shape(&guess), (",", 5, 0, 2));
    // A header that comes again further down is none of the values.
    let header = "name,height,weight\nname,cm,kg\n";
    assert_eq!(shape(&sure(format!("{header}{rows}{header}{rows}"))), (",", 3, 0, 2));
}

#[test]
fn a_row_whose_cells_are_shifted_is_no_header() {
    let guess = sure("at,n,price,name\n2024-01-05 3,1.5,Ann\n2024-01-05,4,2.5,Bob\n2024-01-06,5,3.5,Cem\n");
    assert_eq!(shape(&guess), (",", 4, 0, 1));
}

#[test]
fn columns_of_delimiters_alone() {
    let guess = sure("a,b,,\n1,2,,\n3,4,,\n");
    assert_eq!((guess.width, guess.surplus, guess.names), (2, 2, vec!["a".to_string(), "b".to_string()]));
    let guess = sure("a,b,c\n1,2,\n3,4,\n");
    assert_eq!((guess.width, guess.surplus), (3, 0));
    // The header has none.
    let guess = sure("a;b;c\n1;x;3;\n4;y;6;\n7;z;9;\n");
    assert_eq!((guess.width, guess.surplus, guess.dialect.header), (3, 1, 1));
    assert_eq!(guess.names, ["a", "b", "c"]);
    let guess = sure("1|Ann|10.5|\n2|Bob|20.5|\n3|Cem|1.25|\n");
    assert_eq!((guess.width, guess.surplus, guess.dialect.header), (3, 1, 0));
}

#[test]
fn tabs_with_commas_and_pipes_with_text() {
    let text = "id\ttext\n1\tred, green, blue\n2\tone, two\n3\tup, down, left, right\n4\tthis\n";
    assert_eq!(shape(&sure(text)), ("\t", 2, 0, 1));
    let text = "id|text|n\n1|red, green, blue|5\n2|one; two|6\n3|up: down|7\n";
    assert_eq!(shape(&sure(text)), ("|", 3, 0, 1));
}

#[test]
fn one_column() {
    for text in [
        "name\nAnn\nBob\nCem\n",
        "at\n2024-01-05 10:00:00\n2024-01-05 11:30:00\n2024-01-06 12:00:00\n",
        "2024-01-05T10:00:00Z\n2024-01-05T11:30:00Z\n2024-01-06T12:00:00Z\n",
        "url\nhttps://a.example/x\nhttps://b.example/y/z\nhttps://c.example/x\n",
        "\"n\"\n\"1,234\"\n\"5,678\"\n\"9,123\"\n",
        "note\nall is well\nthis is a longer sentence, which has a comma\nshort\nyet another one here\nno\nyes it is\n",
    ] {
        let guess = sure(text);
        assert_eq!(guess.width, 1, "{text}");
    }
    // The delimiter is one that no line has.
    let guess =
        sure("note\nall is well\nthis is longer, it has a comma\nshort\nand one more\nno\nyes it is\n");
    assert_ne!(guess.dialect.delimiter.bytes(), b",");
}

#[test]
fn times_and_objects_are_values() {
    let guess = sure("at,who\n10:15:00,ann\n11:15:30,bob\n12:45:10,cem\n");
    assert_eq!(shape(&guess), (",", 2, 0, 1));
    let text = "id,doc\n1,\"{\"\"a\"\": 1, \"\"b\"\": [1, 2]}\"\n2,\"{\"\"a\"\": 2}\"\n3,\"{\"\"a\"\": 3, \"\"c\"\": {}}\"\n";
    let guess = sure(text);
    assert_eq!((shape(&guess), guess.dialect.escape), ((",", 2, 0, 1), Some(b'"')));
    let text = "id;doc\n1;{\"a\": 1, \"b\": [1, 2]}\n2;{\"a\": 2, \"b\": []}\n3;{\"a\": 3, \"c\": 4}\n";
    assert_eq!(shape(&sure(text)), (";", 2, 0, 1));
}

#[test]
fn quotes_and_escapes() {
    let guess = sure("id,text\n1,'a, b'\n2,'c'\n3,'d, e, f'\n");
    assert_eq!((shape(&guess), guess.dialect.quote), ((",", 2, 0, 1), Some(b'\'')));
    // Apostrophes are no quotes.
    let guess = sure("id,text,n\n1,it's,5\n2,'tis,6\n3,the dogs',7\n4,x,8\n");
    assert_eq!(guess.dialect.quote, Some(b'"'));
    let guess = sure("id,text,n\n1,\"a \\\"b\\\", c\",1\n2,\"d\",2\n3,\"e \\\"f\\\"\",3\n");
    assert_eq!((shape(&guess), guess.dialect.escape), ((",", 3, 0, 1), Some(b'\\')));
    let guess = sure("id,path,n\n1,\"C:\\dir\\\",1\n2,\"D:\\\",2\n3,\"E:\\x\",3\n");
    assert_eq!((shape(&guess), guess.dialect.escape), ((",", 3, 0, 1), Some(b'"')));
    // A blank before each quote belongs to the delimiter.
    let guess = sure("id, text, n\n1, \"a, b\", 5\n2, \"c\", 6\n3, \"d, e\", 7\n");
    assert_eq!(shape(&guess), (", ", 3, 0, 1));
    let guess = sure("id, text, n\n1, a, 5\n2, c, 6\n3, e, 7\n");
    assert_eq!(shape(&guess), (",", 3, 0, 1));
}

#[test]
fn a_few_broken_quotes_change_nothing() {
    let mut text = "id,text,n\n".to_string();
    for row in 0..200 {
        text += &match row {
            17 => format!("{row},\"never closed,{row}\n"),
            60 => format!("{row},\"stray \"quotes\" here\",{row}\n"),
            90 => format!("{row},lost\",{row}\n"),
            _ => format!("{row},\"some, text\",{row}\n"),
        };
    }
    let guess = sure(text);
    assert_eq!((shape(&guess), guess.dialect.quote), ((",", 3, 0, 1), Some(b'"')));
}

#[test]
fn quotes_that_never_close_cost_no_more_than_others() {
    let text = "\"\"\"x,".repeat(100_000);
    sniffed(text.as_bytes(), &Overrides::default());
    for text in ["\"x,y;", "\"a\"b,", "\"\"b,"] {
        sniffed(text.repeat(100_000).as_bytes(), &Overrides::default());
    }
}

#[test]
fn ragged_rows_change_nothing() {
    let mut text = "id;text;n;day\n".to_string();
    for row in 0..100 {
        text += &match row % 10 {
            3 => format!("{row};text\n"),
            7 => format!("{row};text;more;{row};2024-01-05\n"),
            _ => format!("{row};text, more;{row};2024-01-05\n"),
        };
    }
    assert_eq!(shape(&sure(text)), (";", 4, 0, 1));
}

#[test]
fn line_ends() {
    let lines = ["id,name", "1,Ann", "2,Bob", "3,Cem", ""];
    let guess = sure(lines.join("\r"));
    assert_eq!((shape(&guess), guess.dialect.new_line), ((",", 2, 0, 1), NewLine::Cr));
    let guess = sure(lines.join("\r\n"));
    assert_eq!((shape(&guess), guess.dialect.new_line), ((",", 2, 0, 1), NewLine::CrLf));
    let guess = sure("id,name\r\n1,Ann\n2,Bob\r\n3,Cem\r\n");
    assert_eq!((shape(&guess), guess.dialect.new_line), ((",", 2, 0, 1), NewLine::CrLf));
}

#[test]
fn what_is_ambiguous_is_refused() {
    // Either is a delimiter, and both rows are whole.
    let guesses = refused("a;b,c\ne;f,g\ni;j,k\n");
    assert!(guesses.len() > 1, "{guesses:#?}");
    assert!(guesses.is_sorted_by(|a, b| a.confidence >= b.confidence), "{guesses:#?}");
    // One column of names, or two.
    refused("Ann Lee\nBob Ray\nCem Fox\nDan Poe\n");
    // Columns that are set apart by as many blanks as it takes.
    refused("id     name    size\n1      Ann     10.5\n22     Bob      7.5\n333    Cem    120.25\n");
}

#[test]
fn what_is_said_is_kept() {
    let text = "x\ny\nid;text\n1;'a;b'\n2;'c'\n3;'d;e'\n";
    let default = Overrides::default();
    let delimiter = Delimiter::new(b",");
    let guess = sure_with(text, &Overrides { delimiter, ..default });
    assert_eq!(guess.dialect.delimiter.bytes(), b",");
    for quote in [Some(b'"'), Some(b'\''), None] {
        let guess =
            sure_with(text, &Overrides { quote: Some(quote), delimiter: Delimiter::new(b";"), ..default });
        assert_eq!(guess.dialect.quote, quote);
        assert_eq!(guess.dialect.escape, quote);
    }
    let guess = sure_with(text, &Overrides { escape: Some(b'\\'), ..default });
    assert_eq!((guess.dialect.escape, guess.dialect.quote), (Some(b'\\'), Some(b'\'')));
    for new_line in [NewLine::Lf, NewLine::CrLf, NewLine::Cr] {
        let guess = sure_with("id,n\n1,2\n3,4\n", &Overrides { new_line: Some(new_line), ..default });
        assert_eq!(guess.dialect.new_line, new_line);
    }
    for skip in [0, 1, 2, 3] {
        let guess =
            sure_with(text, &Overrides { skip: Some(skip), delimiter: Delimiter::new(b";"), ..default });
        assert_eq!(guess.dialect.skip, skip);
    }
    for header in [0, 1, 2] {
        let guess = sure_with("a,b,c\nd,e,f\ng,h,i\n", &Overrides { header: Some(header), ..default });
        let names = ["", "abc", "def"][header as usize];
        assert_eq!((guess.dialect.header, guess.names.concat()), (header, names.to_string()));
    }
    let guess = sure_with("#a,b\n# c\nid,n\n1,2\n#3,4\n5,6\n", &Overrides { comment: Some(b'#'), ..default });
    assert_eq!((shape(&guess), guess.dialect.comment), ((",", 2, 0, 1), Some(b'#')));
}

#[test]
fn the_lines_before_the_header_are_counted_as_lines() {
    let guess = sure("\"a title\nof two lines\"\nid,name,n\n1,Ann,5\n2,Bob,6\n3,Cem,7\n");
    assert_eq!(shape(&guess), (",", 3, 2, 1));
    let guess = sure_with(
        "one,two,three\n\nid,name,n\n1,Ann,5\n2,Bob,6\n",
        &Overrides { skip: Some(2), ..Overrides::default() },
    );
    assert_eq!((shape(&guess), guess.names[0].as_str()), ((",", 3, 2, 1), "id"));
}

/// A small generator of numbers, the same for each seed.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % limit
    }
}

/// A value of one of several kinds.
fn value(kind: usize, seeded: &mut Seeded) -> String {
    const WORDS: [&str; 8] = ["red", "green", "Paris", "north", "apple", "steel", "river", "München"];
    match kind {
        0 => seeded.below(100_000).to_string(),
        1 => format!("{}.{:02}", seeded.below(1000), seeded.below(100)),
        2 => format!("20{:02}-{:02}-{:02}", seeded.below(25), 1 + seeded.below(12), 1 + seeded.below(28)),
        3 => format!("{:02}:{:02}:{:02}", seeded.below(24), seeded.below(60), seeded.below(60)),
        4 => WORDS[seeded.below(8)].to_string(),
        5 => {
            let words = 1 + seeded.below(6);
            let text: Vec<&str> = (0..words).map(|_| WORDS[seeded.below(8)]).collect();
            text.join(["; ", ", ", " ", ": "][seeded.below(4)])
        }
        6 => format!("{},{}", seeded.below(1000), seeded.below(100)),
        7 => format!("https://example.com/{}?a={}&b=1", WORDS[seeded.below(8)], seeded.below(100)),
        _ => [String::new(), format!("K-{:04}", seeded.below(10_000))][seeded.below(2)].clone(),
    }
}

#[test]
fn generated_tables_are_found_out() {
    let delimiters = [",", ";", "\t", "|", "||", "\x1F", "~", "^"];
    for seed in 0..400 {
        let mut seeded = Seeded(seed);
        let delimiter = delimiters[seeded.below(delimiters.len())];
        let quote = ['"', '"', '\''][seeded.below(3)];
        let end = ["\n", "\r\n", "\r"][seeded.below(3)];
        let columns = 3 + seeded.below(8);
        let rows = 5 + seeded.below(60);
        let quotes_all = seeded.below(3) == 0;
        let kinds: Vec<usize> =
            (0..columns).map(|column| if column == 0 { 0 } else { seeded.below(9) }).collect();
        let mut quoted = 0;
        let mut line = |cells: Vec<String>| {
            let cells = cells.into_iter().map(|cell| {
                if quotes_all || cell.contains(delimiter) || cell.contains(quote) {
                    quoted += 1;
                    format!("{quote}{}{quote}", cell.replace(quote, &format!("{quote}{quote}")))
                } else {
                    cell
                }
            });
            cells.collect::<Vec<_>>().join(delimiter) + end
        };
        let mut text = line((0..columns).map(|column| format!("column {column}")).collect());
        for _ in 0..rows {
            text += &line(kinds.iter().map(|kind| value(*kind, &mut seeded)).collect());
        }
        let guess = sure(&text);
        assert_eq!(shape(&guess), (delimiter, columns, 0, 1), "seed {seed}:\n{text}");
        if quoted > 1 {
            assert_eq!(guess.dialect.quote, Some(quote as u8), "seed {seed}:\n{text}");
        }
        assert_eq!(guess.names.len(), columns);
    }
}

#[test]
fn quotes_within_cells_are_letters_where_none_begins_with_one() {
    let text = "id\tsize\tdoc\n1\t5\" disk\t{\"a\": \"b\"}\n2\tsmall\t{}\n3\tthe \"big\" one\t[\"x\"]\n4\t7\" disk\t{}\n";
    let guess = sure(text);
    assert_eq!((shape(&guess), guess.dialect.quote, guess.dialect.escape), (("\t", 3, 0, 1), None, None));
    // One of them is damage, and so is one in a hundred.
    assert_eq!(sure("a,b,c\n1,2,3\n4,5\" disk,6\n7,8,9\n9,10,11\n").dialect.quote, Some(b'"'));
    let mut text = "id,name\n".to_string();
    for row in 0..500 {
        text += &if row % 100 == 50 { format!("{row},A\"nn\n") } else { format!("{row},Ann\n") };
    }
    assert_eq!(sure(text).dialect.quote, Some(b'"'));
}

#[test]
fn a_quote_that_begins_a_cell_is_one_though_none_closes_it() {
    for text in
        ["id,note\n1,\"a\nb", "id;name\n1;\"a\n2;b\n3;c\n4;d", "id;name\n1;\"a\"\n2;\"b\n3;\"c\n4;\"d\"\n"]
    {
        let guess = sure(text);
        assert_eq!((guess.width, guess.dialect.quote), (2, Some(b'"')), "{text}");
    }
}

#[test]
fn names_that_another_delimiter_joins_are_refused() {
    for text in [
        "a,b;c\n1,2;3\n4,5;6\n7,8;9\n1,1;1\n2,2;2\n",
        "a;b,c;d,e\n1;2,3;4,5\n5;6,7;8,9\n9;1,2;3,4\n",
        "a|b\tc\n1|2\t3\n4|5\t6\n7|8\t9\n",
    ] {
        assert!(refused(text).len() > 1, "{text}");
    }
}

#[test]
fn sentences_are_no_table() {
    for text in [
        "It was late, and the rain fell.\nThey went home, tired and wet.\nNobody spoke, for nobody knew.\n",
        "Dear Ann,\n\nthank you for the letter, it came today, and we were glad.\nAll is well here, the house is dry.\nYours, Bob\n",
        "The quick brown fox jumps, as ever.\nOver the lazy dog, it goes.\nThe end of it, says the fox, is near.\nSo be it, says the dog.\n",
    ] {
        match sniffed(text.as_bytes(), &Overrides::default()) {
            Sniffed::Sure(guess, _) => assert_eq!(guess.width, 1, "{guess:#?}"),
            Sniffed::Unsure(guesses) => assert!(guesses.len() > 1, "{guesses:#?}"),
        }
    }
    assert_eq!(sure("all is well\nthe heavy rain fell\nthey went home\nnobody spoke\n").width, 1);
}

#[test]
fn a_line_that_groups_columns_belongs_to_the_header() {
    let text = "Group A,,Group B\nid,name,n\n1,a,5\n2,b,6\n3,c,7\n";
    let guess = sure(text);
    assert_eq!(shape(&guess), (",", 3, 0, 2));
    assert_eq!(guess.names, ["id", "name", "n"]);
}

#[test]
fn apostrophes_within_the_cells_of_most_rows_are_letters() {
    // Few of the rows would be records, if these were quotes.
    let rows = |first: &str| -> String {
        let row = |n: u32| format!("{n},{first}'a','b','c','d',{}\n", n * 7);
        "id,call,b,c,d,n\n".to_string() + &(1..30).map(row).collect::<String>()
    };
    assert_eq!(sure(rows("f(")).dialect.quote, Some(b'"'));
    assert_eq!(sure(rows("")).dialect.quote, Some(b'\''));
    // Blanks before a quote are none of a cell.
    assert_eq!(sure(rows("   ")).dialect.quote, Some(b'\''));
}

#[test]
fn rows_of_quoted_cells_are_a_table_whatever_stands_around_them() {
    let table = "\"id\",\"name\",\"n\"\n\"1\",\"Ann\",\"5\"\n";
    let head = "HTTP/1.1 200 OK\nDate: Sat, 27 Aug 2011\nServer: x\nETag: \"2a\"\nLength: 2\nType: text\n\
                Age: 5\nVary: no\n\n";
    assert_eq!(shape(&sure(head.to_string() + table)), (",", 3, 9, 1));
    let around = "# a dump\n# of a table\n# for you\n\n#\n# names\n#\n";
    assert_eq!(shape(&sure(format!("{around}{table}{}", around.repeat(3)))), (",", 3, 7, 1));
    // Without quotes they are a part of a text.
    refused(&(head.to_string() + &table.replace('"', "")));
}

#[test]
fn a_few_lines_that_two_delimiters_cut_alike_are_refused() {
    refused("north\t;south\neast\t;west\nup\ndown\n");
    assert_eq!(shape(&sure("north;1\neast;2\nup\ndown\n")).0, ";");
}

#[test]
fn the_first_of_two_tables_of_a_size_is_the_one() {
    let rows = |row: &str, count: usize| row.repeat(count);
    let below_header = Overrides { skip: Some(1), header: Some(0), ..Overrides::default() };
    let width = |text: String| sure_with(text, &below_header).width;
    let first = "id,name,day\n".to_string() + &rows("1,a,2024-01-05\n", 20);
    assert_eq!(width(format!("{first}id,name,day,more\n{}", rows("1,a,2024-01-05,5\n", 19))), 3);
    assert_eq!(width(format!("{first}id,name,day,more\n{}", rows("1,a,2024-01-05,5\n", 30))), 4);
    // Where they are mixed, the longer ones are the rows.
    assert_eq!(width("id,name,day\n".to_string() + &rows("1,a,2024-01-05\n1,a,2024-01-05,5\n", 20)), 4);
}
