#!/bin/sh
# Submit a task, wait for its end, and print what came of it: with curl and jq alone.
#
#   ATHENA_API_URL=… ATHENA_API_KEY=… sh submit.sh "Deploy new service"
#
# The key needs the scopes `submit` and `read`.
set -eu

url=${ATHENA_API_URL:-http://127.0.0.1:5051}

# The key goes in by a file, as arguments can be seen by every user of the machine.
ask() {
    printf 'header = "X-API-Key: %s"\n' "$ATHENA_API_KEY" |
        curl --config - --silent --show-error --fail-with-body --max-time 90 "$@"
}

# Sent twice with the same Idempotency-Key, it still makes one task: so it may be retried.
key="submit-sh-$$-$(date +%s)"
body=$(jq -n --arg description "$*" '{description: $description, priority: "high"}')
id=$(ask --retry 5 --retry-all-errors -H 'Content-Type: application/json' \
    -H "Idempotency-Key: $key" -d "$body" "$url/api/tasks" | jq .id)
echo "Submitted #$id."

# 204 without a body means: not ended yet.
result=
while [ -z "$result" ]; do
    result=$(ask --retry 5 "$url/api/tasks/$id/result?wait=60")
done
printf '%s\n' "$result" | jq -r '"success: \(.success)", "output: \(.output)"'
