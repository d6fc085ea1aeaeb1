/* For LD_PRELOAD, by tests/unit/failing_malloc.py: lets an allocation fail as if memory had run
 * out.
 *
 *   FAILING_MALLOC=N        the Nth, counted from the program's beginning; 0: none
 *   FAILING_MALLOC_ON=1     that one and all that come after
 *   FAILING_MALLOC_COUNT=F  at the end, writes into the file F how many there were
 *
 * What cmocka allocates for itself neither counts nor fails. In front of AddressSanitizer's library
 * it works, too: whatever does not fail is the next malloc's business. */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);

static struct {
    long fail_at;
    int on;
    long count;
    int counting;
    uintptr_t cmocka_begin;
    uintptr_t cmocka_end;
} failing;

static int find_cmocka(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    (void)data;
    if (!strstr(info->dlpi_name, "libcmocka"))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;

        if (info->dlpi_phdr[i].p_type == PT_LOAD && end > failing.cmocka_end)
            failing.cmocka_end = end;
    }
    failing.cmocka_begin = info->dlpi_addr;
    return 1;
}

__attribute__((constructor)) static void begin(void)
{
    const char *fail_at = getenv("FAILING_MALLOC");
    const char *on = getenv("FAILING_MALLOC_ON");

    dl_iterate_phdr(find_cmocka, NULL);
    failing.fail_at = fail_at ? strtol(fail_at, NULL, 10) : 0;
    failing.on = on && *on == '1';
    failing.counting = 1;
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("FAILING_MALLOC_COUNT");
    FILE *file;

    failing.counting = 0;
    if (path && (file = fopen(path, "w"))) {
        fprintf(file, "%ld\n", failing.count);
        fclose(file);
    }
}

static int fails(const void *caller)
{
    if (!failing.counting ||
        ((uintptr_t)caller >= failing.cmocka_begin && (uintptr_t)caller < failing.cmocka_end))
        return 0;
    failing.count++;
    if (failing.fail_at == 0 || failing.count < failing.fail_at ||
        (failing.count > failing.fail_at && !failing.on))
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    static void *(*next)(size_t);

    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "malloc");
    return fails(__builtin_return_address(0)) ? NULL : next(size);
}

void *calloc(size_t count, size_t size)
{
    static void *(*next)(size_t, size_t);

    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "calloc");
    return fails(__builtin_return_address(0)) ? NULL : next(count, size);
}

void *realloc(void *old, size_t size)
{
    static void *(*next)(void *, size_t);

    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "realloc");
    return fails(__builtin_return_address(0)) ? NULL : next(old, size);
}
