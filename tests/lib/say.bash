# What the scripts say, and how: progress to stderr, one line each; colour and moving lines only on a terminal.
# Refuses: to be run by itself (source it).

say() { printf '%s\n' "$*" >&2; }

# die MESSAGE…: ends the script as failed.
die() {
  say "error: $*"
  exit 1
}

# A line that is replaced by the next one on a terminal and is not shown elsewhere.
progress() { if [[ -t 2 ]]; then printf '\r\033[K%s' "$*" >&2; fi; }
progress_done() { if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi; }
