use super::csv::cell;

#[test]
fn cell_is_one_line_that_no_spreadsheet_runs() {
    for (text, expected) in [
        ("viewer", "viewer"),
        ("서버 뷰어", "서버 뷰어"),
        ("a,b", "\"a,b\""),
        ("a;b", "\"a;b\""),
        ("say \"hi\"", "\"say \"\"hi\"\"\""),
        ("=1+1", "\"'=1+1\""),
        ("+1", "\"'+1\""),
        ("-1", "\"'-1\""),
        ("@SUM(A1)", "\"'@SUM(A1)\""),
        ("＝1", "\"'＝1\""),
        (" =1", "\"' =1\""),
        ("\u{a0}=1", "\"'\u{a0}=1\""),
        ("\t=1", "\"' =1\""),
        ("\rx", "\"' x\""),
        ("a\r\n=b", "a  =b"),
        ("a-b=c", "a-b=c"),
        (" a ", "\" a \""),
        ("", ""),
    ] {
        assert_eq!(cell(text), expected, "{text:?}");
    }
}
