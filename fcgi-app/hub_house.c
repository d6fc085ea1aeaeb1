#include "hub_house.h"

#include <stdlib.h>

#include "common/memory.h"
#include "common/store.h"
#include "hub_state.h"

struct hub_house {
    struct hub *hub;
    struct loop_pg *pg;
    STAILQ_HEAD(, hub_job) jobs; /* the first one runs */
};

static void on_done(void *argument, int err, const struct pg_result *result);

static int begin(struct pg *pg, void *argument)
{
    const struct hub_job *job = STAILQ_FIRST(&((struct hub_house *)argument)->jobs);
    return job->begin(pg, job->argument);
}

static void start(struct hub_house *house)
{
    if (!STAILQ_EMPTY(&house->jobs) && loop_pg_is_idle(house->pg) && !house->hub->ending)
        loop_pg_start(house->pg, begin, on_done, house);
}

static void on_done(void *argument, int err, const struct pg_result *result)
{
    struct hub_house *house = argument;
    struct hub_job *job = STAILQ_FIRST(&house->jobs);
    STAILQ_REMOVE_HEAD(&house->jobs, of_house);
    job->queued = false;
    job->done(job->argument, err, result);
    start(house);
}

void hub_house_add(struct hub_house *house, struct hub_job *job)
{
    if (job->queued)
        return;
    job->queued = true;
    STAILQ_INSERT_TAIL(&house->jobs, job, of_house);
    start(house);
}

struct hub_house *hub_house_new(struct hub *hub)
{
    struct hub_house *house = memory_new(sizeof *house);
    house->hub = hub;
    house->pg = loop_pg_new(hub->base, hub->conf->database_url, "perch-house", &store_profile);
    STAILQ_INIT(&house->jobs);
    return house;
}

void hub_house_free(struct hub_house *house)
{
    if (house == NULL)
        return;
    loop_pg_free(house->pg);
    free(house);
}
