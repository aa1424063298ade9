#!/bin/sh
# A worker in its smallest form: take a task, do it, tell what came of it. With curl and jq alone.
#
#   ATHENA_API_URL=… ATHENA_API_KEY=… CLAUDE_INSTANCE=example sh worker.sh [HOW_MANY]
#
# The key needs the scope `work`. Put your own work in `work_on`.
set -eu

url=${ATHENA_API_URL:-http://127.0.0.1:5051}
instance=${CLAUDE_INSTANCE:-worker-sh}
left=${1:--1}

# The key goes in by a file, as arguments can be seen by every user of the machine.
ask() {
    printf 'header = "X-API-Key: %s"\n' "$ATHENA_API_KEY" |
        curl --config - --silent --show-error --fail-with-body --max-time 90 \
            -H 'Content-Type: application/json' "$@"
}

# Gets the description on standard input: never make it a part of a command line.
work_on() {
    echo "read $(wc -w | tr -d ' ') words"
}

while [ "$left" -ne 0 ]; do
    # Waits up to a minute at the server; 204 without a body means that no task came.
    claim=$(jq -n --arg instance "$instance" '{instance: $instance, wait: 60, lease_seconds: 600}')
    task=$(ask -d "$claim" "$url/api/claim") || { sleep 5; continue; }
    [ -n "$task" ] || continue

    id=$(printf '%s' "$task" | jq .id)
    attempt=$(printf '%s' "$task" | jq .attempt)
    echo "Working on #$id."
    if notes=$(printf '%s' "$task" | jq -r .description | work_on); then
        # The attempt fences: had somebody else claimed the task meanwhile, this is refused.
        end=$(jq -n --arg instance "$instance" --argjson attempt "$attempt" --arg notes "$notes" \
            '{instance: $instance, attempt: $attempt, notes: $notes,
              result: {success: true, output: $notes}}')
        ask --retry 5 -d "$end" "$url/api/tasks/$id/complete" >/dev/null || echo "#$id was refused."
    else
        end=$(jq -n --arg instance "$instance" --argjson attempt "$attempt" \
            '{instance: $instance, attempt: $attempt, error: "the work failed"}')
        ask --retry 5 -d "$end" "$url/api/tasks/$id/fail" >/dev/null || echo "#$id was refused."
    fi
    left=$((left - 1))
done
