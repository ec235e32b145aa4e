"""What the help of the commands says below their options: paragraphs, which are wrapped to the terminal."""

ABOUT = """\
A terminal console for DBAs of PostgreSQL 14-19 and PgBouncer.
Without a command the console opens, with the options of `open`: pipeline-console -t TARGET --pane locks."""
TARGET = """\
TARGET is a libpq URI (postgresql://user@host/db) or conninfo ("host=… dbname=…"), a name in the configuration, or a
service of libpq. Without one: the configuration's default_target, $PIPELINE_CONSOLE_TARGET, libpq's own environment.
-h, -p, -U and -d replace parts of it; with -h alone the server is that host, not the default target."""
EXITS = """\
Exit codes: 0 done, 1 could not be done, 2 wrong usage, 130 interrupted, 143 or 129 ended by SIGTERM or SIGHUP, 141 the
output pipe was closed."""
RUN_EXITS = """\
Exit codes: 0 done or nothing to do, 1 failed with nothing lost, 2 wrong usage, 3 refused (not confirmed, read-only, a
safeguard, another session at work), 4 stopped part-way: the same command resumes, 130 interrupted before anything ran,
143 or 129 ended then by SIGTERM or SIGHUP, 141 the output pipe was closed.

A signal cancels the statement that runs; what was begun is cleaned up first. Another Ctrl-C or SIGTERM leaves what
takes long, such as the rows of a load test, to the next run."""

SETUP = """\
At a terminal the guide opens. Without one, --yes runs every page in order; pages that are done are left out, so the
same command resumes after any interruption. What the role may not do is skipped and reported with its remedy."""

COMPLETION = """\
bash: source <(pipeline-console completion bash)      in ~/.bashrc
zsh:  source <(pipeline-console completion zsh)       in ~/.zshrc, after compinit
fish: pipeline-console completion fish | source       in ~/.config/fish/config.fish"""

CHECK_EXITS = """\
Exit codes: 0 fine, 1 a warning, 2 something critical (or wrong usage), 3 unknown, 130 interrupted, 143 or
129 ended by SIGTERM or SIGHUP, 141 the output pipe was closed.

Rules that judge a change over time compare with the last call; the first one cannot tell.

Findings that were acknowledged in the console (z, Z), or that a blackout window of the configuration withholds, are
listed with the mark z and count for nothing else."""

DOCTOR_EXITS = """\
Exit codes: 0 reported, 1 the server was not reached (the rest is reported), 2 wrong usage, 130 interrupted, 143 or
129 ended by SIGTERM or SIGHUP, 141 the output pipe was closed."""

RECORD = f"""\
A signal ends the reading before its time: the file then holds what was read until then. Another one leaves no file.

{EXITS}"""

EXPLAIN = """\
Planning can run functions of other roles with the rights of the session. So it is refused for a superuser, who
names a plain role (--as); it happens in a read-only transaction that is rolled back; and a statement that could reach
functions of other roles is refused. UPDATE, DELETE, INSERT … SELECT and MERGE are explained as the SELECT of their
rows, so nothing takes a lock beyond ACCESS SHARE. Values are bound. A plan that differs from the last one is shown
with it.

Exit codes: 0 explained, 1 could not be planned, 2 wrong usage, 3 refused (a superuser, code of other roles, a cut text,
more than one statement), 130 interrupted, 143 or 129 ended by SIGTERM or SIGHUP, 141 the output pipe was closed."""

FORECAST = """\
The server parses the statement and does not run it. Its locks follow from its form, as the documentation names them,
and from the catalogs: partitions, children, foreign keys, views. What is not known is reported as such, never guessed.
It names who holds conflicting locks now and for how long, and how many reads and writes a second would queue behind
the statement, estimated from two readings of the server's counters.

Exit codes: 0 it would get its locks now, 1 could not be done, 2 wrong usage, 3 cannot tell what it locks (not one
statement, or one that is not known), 4 it would have to wait now, 130 interrupted, 143 or 129 ended by SIGTERM or
SIGHUP, 141 the output pipe was closed."""

WATCH = """\
Each event is one line on standard output: a finding was raised, became worse, or cleared. Findings that are
acknowledged, or withheld by a blackout window, are printed once and not delivered. `deliveries` in the configuration
names commands and webhooks; what cannot be delivered is reported on standard error. A restart repeats no delivery. A
server that cannot be reached is a finding (server-unreachable), and is tried again.

Exit codes: 0 ended by SIGTERM or SIGHUP, 2 wrong usage, 130 interrupted, 141 the output pipe was closed."""

WORKER = """\
It claims due jobs one at a time, extends its lease while one runs, tries a failed one again after a growing pause,
and queues the next occurrence of a recurring one. Several workers may run, on several machines. It runs as the owner of
the tables and refuses to run as a superuser. A job is an action with checked parameters; anything else is marked as
rejected, and nothing runs. `jobs` in the configuration sets leases, retries and the recurring jobs. SIGTERM lets the
running job finish or gives it back; a second one gives it back at once.

Exit codes: 0 ended by SIGTERM or SIGHUP, or with --once every due job succeeded; 1 could not be done, or with --once
some job did not succeed; 2 wrong usage, 3 refused (a superuser, not the owner, read-only), 130 interrupted, 141 the
output pipe was closed."""
