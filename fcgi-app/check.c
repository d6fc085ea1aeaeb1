#include "check.h"

#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "common/err.h"
#include "common/listen_address.h"
#include "common/redis.h"
#include "common/store_event.h"
#include "token.h"

static bool tell(bool good, const char *what, const char *detail)
{
    printf("%-11s %s  %s\n", what, good ? "ok   " : "WRONG", detail);
    return good;
}

static bool check_postgresql(const struct conf *conf)
{
    struct arena arena;
    struct store_events none;
    struct pg *pg = pg_new(conf->database_url, "perch-check", &store_profile);
    arena_init(&arena);
    /* Nobody has id 0. */
    bool good = store_event_poll(pg, &arena, 0, 0, &none) == ERR_UNAUTHORIZED;
    arena_release(&arena);
    pg_free(pg);
    return tell(good, "PostgreSQL",
                good ? "every statement prepared" : "see PERCH_DATABASE_URL and the line above");
}

static bool check_redis(const struct conf *conf)
{
    struct redis_address address;
    struct redis_value pong = {0};
    bool good = redis_address_parse(conf->redis_url, &address) == 0;
    if (good) {
        struct redis *redis = redis_new(&address);
        redis_add(redis, "PING", NULL);
        good = redis_exchange(redis, &pong, 1) == 0 && pong.type == REDIS_TEXT;
        redis_free(redis);
    }
    return tell(good, "Redis", conf->redis_url);
}

static bool check_keys(const struct conf *conf)
{
    struct token_keys *keys = NULL;
    bool good = token_keys_load(conf->jwt_keys_file, &keys) == 0;
    token_keys_free(keys);
    return tell(good, "keys", conf->jwt_keys_file);
}

static bool check_socket(const char *key, const char *place)
{
    struct listen_address address;
    bool good = listen_address_parse(key, place, &address) == 0;
    if (good && address.socket.ss_family == AF_UNIX) {
        char *copy = strdup(place);
        good = copy != NULL && access(dirname(copy), W_OK | X_OK) == 0;
        free(copy);
    }
    return tell(good, "socket", place);
}

static bool check_accounts(const struct conf *conf)
{
    bool good = true;
    if (conf->socket_group != NULL)
        good = tell(getgrnam(conf->socket_group) != NULL, "group", conf->socket_group);
    if (geteuid() == 0)
        good &= tell(conf->user != NULL && getpwnam(conf->user) != NULL, "user",
                     conf->user ? conf->user : "started as root: set PERCH_USER");
    return good;
}

static bool check_start(const struct conf *conf)
{
    struct arena arena;
    struct redis_address redis;
    struct identity identity;
    struct listen_address place;
    struct token_keys *keys = NULL;
    struct store_events none;
    struct pg *pg = pg_new(conf->database_url, "perch-check", &store_profile);
    arena_init(&arena);
    bool good = redis_address_parse(conf->redis_url, &redis) == 0 &&
                child_identity_find(conf, &identity) == 0 &&
                listen_address_parse("PERCH_APP_SOCKET", conf->app_socket, &place) == 0 &&
                listen_address_parse("PERCH_AUTH_SOCKET", conf->auth_socket, &place) == 0 &&
                token_keys_load(conf->jwt_keys_file, &keys) == 0;
    if (good && store_event_poll(pg, &arena, 0, 0, &none) == ERR_UNAVAILABLE)
        good = !pg_is_misfit(pg);
    token_keys_free(keys);
    arena_release(&arena);
    pg_free(pg);
    return good;
}

int check_main(const struct conf *conf, enum check check)
{
    if (check == CHECK_START)
        return check_start(conf) ? 0 : 1;
    bool good = check_postgresql(conf);
    if (check == CHECK_ALL) {
        good &= check_redis(conf);
        good &= check_keys(conf);
        good &= check_socket("PERCH_APP_SOCKET", conf->app_socket);
        good &= check_socket("PERCH_AUTH_SOCKET", conf->auth_socket);
        good &= check_accounts(conf);
    }
    return good ? 0 : 1;
}
