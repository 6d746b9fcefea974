# shellcheck shell=bash
# Card data: the payment application queries its database and, against the
# policy, so does a user. A Redis beside it was never asked for.

cards_needs() {
    echo initdb psql redis-server redis-cli
}

cards_serve() {
    local data=$LAB_DIR/postgres

    mkdir -p "$data"
    chown postgres "$data"
    as_postgres "$(command -v initdb)" -D "$data/db" -A trust -U postgres \
        --no-sync >"$LAB_DIR/log/initdb" 2>&1
    echo 'host all all 0.0.0.0/0 trust' >>"$data/db/pg_hba.conf"
    serve postgres carddb setpriv --reuid postgres --regid postgres \
        --clear-groups "$(command -v postgres)" -D "$data/db" \
        -c listen_addresses='*' -c unix_socket_directories="$data" -c fsync=off
    serve redis carddb redis-server --port 6379 --protected-mode no \
        --save '' --dir "$LAB_DIR"
    wait_for "database" listening carddb tcp 5432
    wait_for "Redis" listening carddb tcp 6379
    works carddb psql -h 127.0.0.1 -U postgres -c \
        'CREATE TABLE payment AS SELECT n AS id, md5(n::text) AS token
         FROM generate_series(1, 100) AS n'
}

as_postgres() {
    (cd / && setpriv --reuid postgres --regid postgres --clear-groups "$@")
}

cards_play() {
    local query='SELECT * FROM payment ORDER BY id LIMIT 50'

    # libpq asks for TLS first and goes on without it.
    works payapp psql 'host=10.60.10.10 user=postgres sslmode=prefer' \
        -c "$query"
    works alice psql 'host=10.60.10.10 user=postgres sslmode=prefer' \
        -c "$query"
    works payapp redis-cli -h 10.60.10.10 SET lab:cards 50
}
