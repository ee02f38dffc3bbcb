/* What the simulated library knows: its configuration, and what the waveforms give by now.
 *
 * Energy and power are computed from the run clock, floored to the refresh period: they are
 * never late.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9
};
enum { MAX_SAMPLES = 120, MAX_SETTINGS = 4 };
enum { MAX_GPUS = 8, MAX_NUMBERS = 192, MAX_FIELDS = 12, MAX_INSTANCES = 7, MAX_PROCESSES = 16 };

typedef struct { long long code, from_ns, until_ns; } Fault;
typedef struct { int is_sine, repeats, count; double numbers[MAX_NUMBERS]; } Waveform;
typedef struct { unsigned int id, scope; int type; double window_s, share; Fault fault; } Field;
typedef struct { int count; double period_s, window_s, lag_s, late_s; Fault fault; } Samples;
typedef struct { long long from_ns, offset_ns; } WallSetting;
typedef struct {
    int known, older_driver;
    unsigned int clock_mhz, memory_clock_mhz, temperature_c, limit_mw;
    unsigned long long reasons;
} Conditions;
typedef struct { unsigned int pid; int draws; long long memory_bytes; } Process;
typedef struct { unsigned int pid, percent; double late_s; } Use;
typedef struct {
    char name[96], uuid[96], bus_id[32];
    Conditions conditions;
    unsigned int architecture, major, minor, limit_mw;
    unsigned long long start_mj, used_bytes;
    double window_s, counted_share, counts_until_s;
    Fault lost, energy, power, fields_call, processes_call, use_call;
    Samples samples;
    Waveform waveform;
    Field fields[MAX_FIELDS];
    Process processes[MAX_PROCESSES];
    Use uses[MAX_PROCESSES];
    char instances[MAX_INSTANCES][96];
    int field_count, process_count, use_count, instance_count, partitions, shows_use;
} Gpu;
typedef struct {
    int init_code, gpu_count;
    long long origin_ns, refresh_ns, now_ns;
    int wall_count;
    WallSetting wall[MAX_SETTINGS];
    Gpu gpus[MAX_GPUS];
} Machine;

static void read_waveform(char *text, Waveform *waveform) {
    char *rest, *word = strtok_r(text, " \n", &rest);
    waveform->is_sine = word && strcmp(word, "sine") == 0;
    if (!waveform->is_sine) {
        word = strtok_r(NULL, " \n", &rest);
        waveform->repeats = word ? atoi(word) : 0;
        strtok_r(NULL, " \n", &rest);
    }
    waveform->count = 0;
    while ((word = strtok_r(NULL, " \n", &rest)) && waveform->count < MAX_NUMBERS)
        waveform->numbers[waveform->count++] = atof(word);
}

static void read_fault(const char *text, Fault *fault) {
    sscanf(text, "%lld %lld %lld", &fault->code, &fault->from_ns, &fault->until_ns);
}

static void read_field(const char *text, Gpu *gpu) {
    if (gpu->field_count == MAX_FIELDS) return;
    Field *field = &gpu->fields[gpu->field_count++];
    sscanf(text, "%u %u %d %lf %lf %lld %lld %lld", &field->id, &field->scope, &field->type,
           &field->window_s, &field->share, &field->fault.code, &field->fault.from_ns,
           &field->fault.until_ns);
}

static void read_samples(const char *text, Samples *samples) {
    sscanf(text, "%d %lf %lf %lf %lf %lld %lld %lld", &samples->count, &samples->period_s,
           &samples->window_s, &samples->lag_s, &samples->late_s, &samples->fault.code,
           &samples->fault.from_ns, &samples->fault.until_ns);
    if (samples->count > MAX_SAMPLES) samples->count = MAX_SAMPLES;
}

static void read_conditions(const char *text, Conditions *conditions) {
    conditions->known = sscanf(text, "%u %u %u %u %llu %d", &conditions->clock_mhz,
                               &conditions->memory_clock_mhz, &conditions->temperature_c,
                               &conditions->limit_mw, &conditions->reasons,
                               &conditions->older_driver) == 6;
}

static void read_wall(const char *text, Machine *machine) {
    if (machine->wall_count == MAX_SETTINGS) return;
    WallSetting *setting = &machine->wall[machine->wall_count++];
    sscanf(text, "%lld %lld", &setting->from_ns, &setting->offset_ns);
}

static void read_process(const char *text, Gpu *gpu) {
    if (gpu->process_count == MAX_PROCESSES) return;
    Process *process = &gpu->processes[gpu->process_count++];
    sscanf(text, "%u %d %lld", &process->pid, &process->draws, &process->memory_bytes);
}

static void read_use(const char *text, Gpu *gpu) {
    if (gpu->use_count == MAX_PROCESSES) return;
    Use *use = &gpu->uses[gpu->use_count++];
    sscanf(text, "%u %u %lf", &use->pid, &use->percent, &use->late_s);
}

static void read_line(Machine *machine, char *line) {
    Gpu *gpu = &machine->gpus[machine->gpu_count ? machine->gpu_count - 1 : 0];
    char *text = strchr(line, ' ');
    if (!text) return;
    *text++ = 0;
    text[strcspn(text, "\n")] = 0;
    if (!strcmp(line, "init")) machine->init_code = atoi(text);
    else if (!strcmp(line, "origin_ns")) machine->origin_ns = atoll(text);
    else if (!strcmp(line, "refresh_ns")) machine->refresh_ns = atoll(text);
    else if (!strcmp(line, "now_ns")) machine->now_ns = atoll(text);
    else if (!strcmp(line, "wall")) read_wall(text, machine);
    else if (!strcmp(line, "samples")) read_samples(text, &gpu->samples);
    else if (!strcmp(line, "gpu") && machine->gpu_count < MAX_GPUS) machine->gpu_count++;
    else if (!strcmp(line, "name")) snprintf(gpu->name, sizeof gpu->name, "%s", text);
    else if (!strcmp(line, "uuid")) snprintf(gpu->uuid, sizeof gpu->uuid, "%s", text);
    else if (!strcmp(line, "bus_id")) snprintf(gpu->bus_id, sizeof gpu->bus_id, "%s", text);
    else if (!strcmp(line, "conditions")) read_conditions(text, &gpu->conditions);
    else if (!strcmp(line, "architecture")) gpu->architecture = strtoul(text, NULL, 10);
    else if (!strcmp(line, "capability")) sscanf(text, "%u %u", &gpu->major, &gpu->minor);
    else if (!strcmp(line, "limit_mw")) gpu->limit_mw = strtoul(text, NULL, 10);
    else if (!strcmp(line, "start_mj")) gpu->start_mj = strtoull(text, NULL, 10);
    else if (!strcmp(line, "window_s")) gpu->window_s = atof(text);
    else if (!strcmp(line, "counted")) sscanf(text, "%lf %lf", &gpu->counted_share, &gpu->counts_until_s);
    else if (!strcmp(line, "lost")) read_fault(text, &gpu->lost);
    else if (!strcmp(line, "used_bytes")) gpu->used_bytes = strtoull(text, NULL, 10);
    else if (!strcmp(line, "energy_fault")) read_fault(text, &gpu->energy);
    else if (!strcmp(line, "power_fault")) read_fault(text, &gpu->power);
    else if (!strcmp(line, "fields_fault")) read_fault(text, &gpu->fields_call);
    else if (!strcmp(line, "processes_fault")) read_fault(text, &gpu->processes_call);
    else if (!strcmp(line, "field")) read_field(text, gpu);
    else if (!strcmp(line, "process")) read_process(text, gpu);
    else if (!strcmp(line, "shows_use")) gpu->shows_use = atoi(text);
    else if (!strcmp(line, "use_fault")) read_fault(text, &gpu->use_call);
    else if (!strcmp(line, "use")) read_use(text, gpu);
    else if (!strcmp(line, "mig")) gpu->partitions = 1 + atoi(text);
    else if (!strcmp(line, "instance") && gpu->instance_count < MAX_INSTANCES)
        snprintf(gpu->instances[gpu->instance_count++], sizeof *gpu->instances, "%s", text);
    else if (!strcmp(line, "waveform")) read_waveform(text, &gpu->waveform);
}

static long long run_clock_ns(void) {
    struct timespec now;
#ifdef CLOCK_BOOTTIME
    clock_gettime(CLOCK_BOOTTIME, &now);
#else
    clock_gettime(CLOCK_MONOTONIC, &now);
#endif
    return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long wall_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* The line lies on the stack: the real library may be called from several threads at once, and
 * so may this one. A line shared between threads is cut by one while another splits it. */
static int read_machine(Machine *machine) {
    char line[8192];
    const char *path = getenv("EFFMETER_FAKE_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    memset(machine, 0, sizeof *machine);
    machine->refresh_ns = 1;
    machine->now_ns = -1;
    if (!file) return DRIVER_NOT_LOADED;
    while (fgets(line, sizeof line, file)) read_line(machine, line);
    fclose(file);
    if (machine->now_ns < 0) machine->now_ns = run_clock_ns();
    if (!machine->wall_count) {
        machine->wall[0].offset_ns = wall_clock_ns() - run_clock_ns();
        machine->wall_count = 1;
    }
    return machine->init_code;
}

static int fault_now(const Fault *fault, long long now_ns) {
    return now_ns >= fault->from_ns && now_ns < fault->until_ns ? (int)fault->code : SUCCESS;
}

/* Joules passed since the waveform's origin; the closed forms of tests/simulated/waveforms.py. */
static double passed_j(const Waveform *waveform, double t) {
    const double *n = waveform->numbers;
    double passed = 0, length = 0, whole_j = 0, last_w = 0;
    if (t < 0) t = 0;
    if (waveform->is_sine) {
        double turn = 2 * M_PI / n[2];
        return n[0] * t + n[1] * (1 - cos(turn * t)) / turn;
    }
    for (int i = 0; i + 2 < waveform->count; i += 3) {
        length += n[i];
        whole_j += n[i] * (n[i + 1] + n[i + 2]) / 2;
    }
    if (waveform->repeats) {
        double repetitions = floor(t / length);
        passed = repetitions * whole_j;
        t -= repetitions * length;
    }
    for (int i = 0; i + 2 < waveform->count; i += 3) {
        double inside = t < n[i] ? t : n[i];
        double reached_w = n[i + 1] + (n[i + 2] - n[i + 1]) * inside / n[i];
        passed += inside * (n[i + 1] + reached_w) / 2;
        t -= inside;
        last_w = n[i + 2];
    }
    return passed + last_w * t;
}

static double refreshed_s(const Machine *machine) {
    long long elapsed_ns = machine->now_ns - machine->origin_ns;
    if (elapsed_ns < 0) elapsed_ns = 0;
    return (double)(elapsed_ns - elapsed_ns % machine->refresh_ns) * 1e-9;
}

/* What a gauge shows: the mean power over its window, up to the last refresh. */
static double averaged_mw(const Machine *machine, const Waveform *waveform, double window_s) {
    double t = refreshed_s(machine);
    double since = t > window_s ? t - window_s : 0;
    double averaged_j = passed_j(waveform, since + window_s) - passed_j(waveform, since);
    return averaged_j / window_s * 1e3;
}

static unsigned long long counted_mj(const Machine *machine, const Gpu *gpu) {
    double counted_s = fmin(refreshed_s(machine), gpu->counts_until_s);
    double used_j = passed_j(&gpu->waveform, counted_s);
    return gpu->start_mj + (unsigned long long)(used_j * gpu->counted_share * 1e3);
}

/* When a sample was taken, on the run clock: one each period since the origin. */
static long long sample_ns(const Machine *machine, const Samples *samples, long long number) {
    return machine->origin_ns + (long long)((double)number * samples->period_s * 1e9);
}

/* The number of the newest sample that is in the buffer; below zero: none. */
static long long newest_sample(const Machine *machine, const Samples *samples) {
    double since_s = (double)(machine->now_ns - machine->origin_ns) * 1e-9 - samples->late_s;
    return since_s < 0 ? -1 : (long long)floor(since_s / samples->period_s + 1e-9);
}

/* The driver's stamp of it: the wall clock as it was set at that moment. */
static unsigned long long sample_stamp_us(const Machine *machine, long long taken_ns) {
    long long offset_ns = machine->wall[0].offset_ns;
    for (int i = 0; i < machine->wall_count; i++)
        if (taken_ns >= machine->wall[i].from_ns) offset_ns = machine->wall[i].offset_ns;
    return (unsigned long long)((taken_ns + offset_ns) / 1000);
}

/* The mean power over its window, whose middle lies the lag before its stamp. */
static double sampled_mw(const Machine *machine, const Gpu *gpu, long long taken_ns) {
    const Samples *samples = &gpu->samples;
    double middle = (double)(taken_ns - machine->origin_ns) * 1e-9 - samples->lag_s;
    double begin = fmax(0, middle - samples->window_s / 2);
    double averaged_j = passed_j(&gpu->waveform, begin + samples->window_s);
    return (averaged_j - passed_j(&gpu->waveform, begin)) / samples->window_s * 1e3;
}
