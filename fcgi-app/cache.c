#include "cache.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "worker.h"

/* "<version>\n<text>", as cache_keep() wrote it. */
static void entry_read(struct arena *arena, const struct redis_value *value,
                       struct cache_entry *entry)
{
    const char *end = value->type == REDIS_TEXT ? strchr(value->text, '\n') : NULL;
    if (end == NULL)
        return;
    entry->version = arena_copy(arena, value->text, (size_t)(end - value->text));
    entry->text = end + 1;
}

void cache_history_find(const struct request *request, int64_t limit, struct cache_entry *ret_entry)
{
    struct redis *redis = request->worker->redis;
    struct redis_value value = {0};
    char seconds[8];
    *ret_entry = (struct cache_entry){.seconds = CACHE_HISTORY_S, .version = ""};
    if (!request->worker->conf->cache || limit != CACHE_HISTORY_LIMIT)
        return;
    snprintf(ret_entry->key, sizeof ret_entry->key, "%sh:%" PRId64 ":%" PRId64,
             request->worker->conf->redis_prefix, request->caller.user_id, request->path_id);
    snprintf(seconds, sizeof seconds, "%d", CACHE_HISTORY_S);
    redis_add(redis, "GETEX", ret_entry->key, "EX", seconds, NULL);
    if (redis_exchange(redis, &value, 1) == 0)
        entry_read(request->arena, &value, ret_entry);
}

/* Random rather than counted: a Redis that forgot the version cannot come to an old one again. */
static void users_version_set(struct worker *worker, const char *condition)
{
    unsigned char bytes[12];
    char key[CACHE_KEY_MAX];
    char version[2 * sizeof bytes + 1];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(version, sizeof version, bytes, sizeof bytes);
    snprintf(key, sizeof key, "%susers", worker->conf->redis_prefix);
    redis_add(worker->redis, "SET", key, version, condition, NULL);
}

void cache_users_change(struct worker *worker)
{
    users_version_set(worker, NULL);
}

void cache_users_find(const struct request *request, enum store_user_sort sort, int64_t limit,
                      struct cache_entry *ret_entry)
{
    struct worker *worker = request->worker;
    struct redis_value values[2] = {{0}};
    struct cache_entry entry = {.seconds = CACHE_USERS_S, .version = ""};
    struct cache_entry found = {.version = ""};
    char key[CACHE_KEY_MAX];
    *ret_entry = entry;
    if (!worker->conf->cache)
        return;
    snprintf(key, sizeof key, "%susers", worker->conf->redis_prefix);
    snprintf(entry.key, sizeof entry.key, "%sul:%d:%" PRId64, worker->conf->redis_prefix, (int)sort,
             limit);
    redis_add(worker->redis, "GET", key, NULL);
    redis_add(worker->redis, "GET", entry.key, NULL);
    if (redis_exchange(worker->redis, values, 2) != 0)
        return;
    if (values[0].type == REDIS_NIL)
        users_version_set(worker, "NX"); /* from the next request on */
    if (values[0].type != REDIS_TEXT)
        return;
    entry.version = arena_copy(request->arena, values[0].text, values[0].length);
    entry_read(request->arena, &values[1], &found);
    /* Never an empty list: the caller is in it. */
    if (found.text != NULL && found.text[0] != '\0' && strcmp(found.version, entry.version) == 0)
        entry.text = arena_copy(request->arena, found.text, strlen(found.text));
    *ret_entry = entry;
}

void cache_keep(struct worker *worker, const struct cache_entry *entry, const char *version,
                const struct buf *text)
{
    struct buf value = {0};
    char seconds[8];
    if (entry->key[0] == '\0' || text->length > CACHE_BYTES_MAX)
        return;
    snprintf(seconds, sizeof seconds, "%d", entry->seconds);
    buf_adds(&value, version);
    buf_adds(&value, "\n");
    buf_add(&value, text->data, text->length);
    redis_add(worker->redis, "SET", entry->key, value.data, "EX", seconds, NULL);
    buf_release(&value);
}
