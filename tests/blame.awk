# blame.awk - what failed, out of a step's log: one line each, the tests by their names.
#
# It reads what the runners say: `not ok .../NAME_test` and `stopped in NAME_test TEST` of
# the tests in C, TAP's `not ok N - NAME` with its location, `SUMMARY:` of a sanitizer, broken
# invariants, and the compiler's `file:line: error:`. A log with none of these is told by its last line that says
# something. What is told is told once, and no more than eight things a step.
function tell(what) {
    if (!(what in told) && ++told[what] && ++n <= 8)
        print "    " substr(what, 1, 160)
}

/^not ok .*_test$/ { sub(/.*\//, ""); broken[++files] = $0; next }
/^stopped in / { within[$3] = " (" $4 ")"; next }
/^not ok / { sub(/^not ok [0-9]* *-? */, ""); name = $0; waits = 1; next }
waits && /^  location: / {
    gsub(/^.*\/|:[0-9]+:[0-9]+'$/, "")
    tell($0 ": '" name "'")
    waits = 0
    next
}
waits && /^[^ ]/ { tell(name); waits = 0 }
/^SUMMARY: / || /: error: / || /^tickettoken: broken invariant/ { tell($0); next }
/[Ee]rror:/ && !likely { likely = $0 }
/[^ ]/ { last = $0 }

END {
    if (waits)
        tell(name)
    for (i = 1; i <= files; i++)
        tell(broken[i] within[broken[i]])
    if (n == 0)
        tell(likely ? likely : last)
    if (n > 8)
        print "    and " n - 8 " more"
}
