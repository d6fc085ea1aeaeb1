#include "cache.h"

#include <inttypes.h>
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
    *ret_entry = (struct cache_entry){.version = ""};
    if (!request->worker->conf->cache)
        return;
    snprintf(ret_entry->key, sizeof ret_entry->key, "%.40sh:%" PRId64 ":%" PRId64 ":%" PRId64,
             request->worker->conf->redis_prefix, request->caller.user_id, request->path_id, limit);
    snprintf(seconds, sizeof seconds, "%d", CACHE_HISTORY_S);
    redis_add(redis, "GETEX", ret_entry->key, "EX", seconds, NULL);
    if (redis_exchange(redis, &value, 1) == 0)
        entry_read(request->arena, &value, ret_entry);
}

void cache_keep(struct worker *worker, const struct cache_entry *entry, const char *version,
                const struct buf *text)
{
    struct buf value = {0};
    char seconds[8];
    if (entry->key[0] == '\0' || text->length > CACHE_BYTES_MAX)
        return;
    snprintf(seconds, sizeof seconds, "%d", CACHE_HISTORY_S);
    buf_adds(&value, version);
    buf_adds(&value, "\n");
    buf_add(&value, text->data, text->length);
    redis_add(worker->redis, "SET", entry->key, value.data, "EX", seconds, NULL);
    buf_release(&value);
}
