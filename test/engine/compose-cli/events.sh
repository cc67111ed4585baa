# events tell what happened
use shop
since=$(date +%s); compose up -d web; until compose logs web | grep -q 'web up'; do sleep 0.1; done; compose stop -t 0 web; until=$(($(date +%s) + 1)); sleep 1.1
compose events --json --since $since --until $until | jq -c keys | sort -u
compose events --json --since $since --until $until web | jq -r 'select(.action | startswith("exec_") | not) | [.type, .service, .action] | @tsv' | sort
compose events --json --since $since --until $until web | jq -c 'select(.action == "start") | .attributes | keys'
compose events --json --since $since --until $until web | jq -c 'select(.action == "die") | .attributes | [keys, .exitCode]'
compose events --json --since $since --until $until web | jq -r .time | grep -cvE '^20..-..-..T..:..:..\.[0-9]+'
compose down -v -t 0
