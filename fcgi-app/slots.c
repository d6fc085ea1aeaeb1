#include "slots.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "child.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

const char *const role_names[ROLES] = {"hub", "auth", "worker"};

static int role_of(char letter)
{
    for (int role = 0; role < ROLES; role++)
        if (role_names[role][0] == letter)
            return role;
    return ROLE_WORKER;
}

void slots_init(struct slots *slots, const int wanted[ROLES], const struct handover *before)
{
    int count = before->child_count;
    for (int role = 0; role < ROLES; role++)
        count += slots->wanted[role] = wanted[role];
    struct slot *slot = memory_new((size_t)count * sizeof *slot);
    slots->all = slot;
    slots->count = count;
    for (int role = 0; role < ROLES; role++)
        for (int i = 0; i < wanted[role]; i++, slot++)
            *slot = (struct slot){.role = (enum role)role, .index = i};
    for (int i = 0; i < before->child_count; i++, slot++)
        *slot = (struct slot){.role = (enum role)role_of(before->children[i].role),
                              .index = i,
                              .pid = before->children[i].pid,
                              .old = true};
}

void slots_release(struct slots *slots)
{
    free(slots->all);
}

static bool lives(const struct slot *slot, enum slots_kind kind, bool only_old)
{
    return slot->pid != 0 && (slot->role == ROLE_HUB) == (kind == SLOTS_HUBS) &&
           (slot->old || !only_old);
}

int slots_living(const struct slots *slots, enum slots_kind kind, bool only_old)
{
    int count = 0;
    for (int i = 0; i < slots->count; i++)
        count += lives(&slots->all[i], kind, only_old);
    return count;
}

bool slots_lost_old_hub(const struct slots *slots)
{
    for (int i = 0; i < slots->count; i++)
        if (slots->all[i].old && slots->all[i].role == ROLE_HUB && slots->all[i].pid == 0)
            return true;
    return false;
}

void slots_signal(const struct slots *slots, enum slots_kind kind, bool only_old, int signal)
{
    for (int i = 0; i < slots->count; i++)
        if (lives(&slots->all[i], kind, only_old))
            kill(slots->all[i].pid, signal);
}

void slots_note_ready(struct slots *slots, pid_t pid)
{
    for (int i = 0; i < slots->count; i++)
        if (slots->all[i].pid == pid)
            slots->all[i].ready = true;
}

bool slots_are_ready(const struct slots *slots)
{
    for (int i = 0; i < slots->count; i++)
        if (!slots->all[i].old && !(slots->all[i].pid != 0 && slots->all[i].ready))
            return false;
    return true;
}

/* A child that was ready is replaced at once; only one that never was waits longer each time. */
static void slot_ended(struct slot *slot, int status, bool ending)
{
    const char *name = role_names[slot->role];
    bool fatal = !slot->old && WIFEXITED(status) && WEXITSTATUS(status) == CHILD_EXIT_FATAL;
    if (fatal)
        log_error("%s %d cannot serve and is not started again: see its lines above", name,
                  slot->index);
    else if (WIFSIGNALED(status))
        log_warn("%s %d was killed by signal %d", name, slot->index, WTERMSIG(status));
    else if (!ending && WEXITSTATUS(status) != 0)
        log_warn("%s %d exited with %d", name, slot->index, WEXITSTATUS(status));
    slot->pid = 0;
    slot->given_up = fatal;
    slot->failures = slot->ready ? 0 : slot->failures + 1;
    slot->ready = false;
    if (slot->failures > 0) {
        int shift = slot->failures < 8 ? slot->failures - 1 : 7;
        int delay = SLOT_BACKOFF_MIN_MS << shift;
        slot->not_before =
            clock_mono_ms() + (delay < SLOT_BACKOFF_MAX_MS ? delay : SLOT_BACKOFF_MAX_MS);
    }
}

void slots_note_end(struct slots *slots, pid_t pid, int status, bool ending)
{
    for (int i = 0; i < slots->count; i++)
        if (slots->all[i].pid == pid)
            slot_ended(&slots->all[i], status, ending);
}

bool slots_have_given_up(const struct slots *slots)
{
    int left[ROLES] = {0};
    for (int i = 0; i < slots->count; i++)
        left[slots->all[i].role] += !slots->all[i].old && !slots->all[i].given_up;
    return left[ROLE_HUB] < slots->wanted[ROLE_HUB] || left[ROLE_AUTH] == 0 ||
           left[ROLE_WORKER] == 0;
}
