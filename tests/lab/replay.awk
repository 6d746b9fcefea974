# replay.awk: compares story.tsv (first file) with segmon's flow records (second
# file, as check_replay writes them). Both become one text per conversation; a
# text may be expected and found several times.

BEGIN {
    split(scenes, list, " ")
    for (i in list)
        wanted[list[i]] = 1
}

FNR == NR {
    if ($0 !~ /^#/ && $1 != "scene" && NF && (scenes == "" || $1 in wanted))
        expect()
    next
}

{ found[recorded()]++ }

END {
    for (text in expected)
        differ(text, expected[text], found[text] + 0)
    for (text in found)
        if (!(text in expected))
            differ(text, 0, found[text])
    printf "%d conversations expected, %d differences\n", n_expected, n_wrong
    exit n_wrong != 0
}

function expect(    ends) {
    ends = $6 " " $3 " -> " $5
    if ($7 ~ /-/)
        range[ends] = $7
    expected[describe(ends, $7, $8, $10, $11, $12, $13)] += $9
    n_expected += $9
}

# A port in a range that the story tells as one line belongs to the range,
# unless a line of its own tells it apart.
function recorded(    ends, text, bounds) {
    ends = $1 " " $2 " -> " $3
    text = with_port(ends, $4)
    if (text in expected || !(ends in range))
        return text
    split(range[ends], bounds, "-")
    if ($4 < bounds[1] + 0 || $4 > bounds[2] + 0)
        return text
    return with_port(ends, range[ends])
}

# The story leaves the rule open where it says '-'.
function with_port(ends, port,    application, open) {
    application = $7 == "none" ? "-" : $6 == "" ? "Unknown" : $6
    open = describe(ends, port, $5, application, $8, $9, "-")
    return open in expected ? open \
        : describe(ends, port, $5, application, $8, $9, $10)
}

function describe(ends, port, vlan, application, outcome, verdict, rule) {
    return ends " port " port " vlan " vlan ", " application ", " outcome \
        ", " verdict " by " rule
}

function differ(text, want, have) {
    if (want == have)
        return
    n_wrong++
    printf "%s: %d expected, %d found\n", text, want, have
}
