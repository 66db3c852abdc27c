#!/bin/sh
# Gives each service the rights that it needs, and no more. Repeating is safe.
#
# The brokers need authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer and
# allow.everyone.if.no.acl.found=false. Usage, as a super user:
#
#   sh kafka-acls.sh --bootstrap-server HOST:9093 --command-config admin.properties
#
# KAFKA_ACLS names another program than kafka-acls.sh that takes the same arguments.
set -eu

allow() {
  principal="User:$1"
  shift
  # shellcheck disable=SC2086
  ${KAFKA_ACLS:-kafka-acls.sh} $server --add --allow-principal "$principal" "$@"
}
server="$*"

# publish, feeds poll, and the ingest of serve. Sees that the topics are there, and creates none.
allow ingest --operation Write --topic articles.v1 --topic articles.dlq.v1
allow ingest --operation Describe --topic mentions.v1 --topic entities.v1 --topic alerts.v1

allow actors --operation Read --topic articles.v1 --group wirewatch.actors
allow actors --operation Write --topic mentions.v1 --topic articles.dlq.v1

allow entities --operation Read --topic articles.v1 --group wirewatch.entities
allow entities --operation Write --topic entities.v1 --topic articles.dlq.v1

allow counters --operation Read --topic mentions.v1 --topic entities.v1 --group wirewatch.counters
allow counters --operation Write --topic articles.dlq.v1

allow relay --operation Write --topic alerts.v1 --topic articles.dlq.v1

# The reading API of serve asks only whether the topics are there.
allow api --operation Describe --topic articles.v1
# To explain and try rules on the articles that the log still holds.
allow api --operation Describe --operation Read --topic mentions.v1

# People: topics create, dlq, verify, rebuild. No service runs as this one.
allow operator --operation Create --operation Describe --operation Read --operation Write \
  --topic articles.v1 --topic mentions.v1 --topic entities.v1 --topic alerts.v1 --topic articles.dlq.v1
allow operator --operation Describe --operation Read \
  --group wirewatch.actors --group wirewatch.entities --group wirewatch.counters
