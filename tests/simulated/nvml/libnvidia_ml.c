/* A libnvidia-ml.so.1 whose GPUs follow analytic waveforms.
 *
 * It reads the file named in EFFMETER_FAKE_NVML at every call (see __init__.py, which writes it
 * by renaming), so faults and the clock can be changed while a program uses it. Energy and power
 * are computed from the run clock, floored to the refresh period: they are never late.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, DRIVER_NOT_LOADED = 9 };
enum { MAX_GPUS = 8, MAX_NUMBERS = 192 };

typedef struct { long long code, from_ns, until_ns; } Fault;
typedef struct { int is_sine, repeats, count; double numbers[MAX_NUMBERS]; } Waveform;
typedef struct {
    char name[96], uuid[96];
    unsigned int architecture, major, minor, limit_mw;
    unsigned long long start_mj;
    double window_s;
    Fault lost, energy, power;
    Waveform waveform;
} Gpu;
typedef struct {
    int init_code, gpu_count;
    long long origin_ns, refresh_ns, now_ns;
    Gpu gpus[MAX_GPUS];
} Machine;

static int initialised = 0;

static void read_waveform(char *text, Waveform *waveform) {
    char *word = strtok(text, " \n");
    waveform->is_sine = word && strcmp(word, "sine") == 0;
    if (!waveform->is_sine) {
        waveform->repeats = atoi(strtok(NULL, " \n"));
        strtok(NULL, " \n");
    }
    waveform->count = 0;
    while ((word = strtok(NULL, " \n")) && waveform->count < MAX_NUMBERS)
        waveform->numbers[waveform->count++] = atof(word);
}

static void read_fault(const char *text, Fault *fault) {
    sscanf(text, "%lld %lld %lld", &fault->code, &fault->from_ns, &fault->until_ns);
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
    else if (!strcmp(line, "gpu") && machine->gpu_count < MAX_GPUS) machine->gpu_count++;
    else if (!strcmp(line, "name")) snprintf(gpu->name, sizeof gpu->name, "%s", text);
    else if (!strcmp(line, "uuid")) snprintf(gpu->uuid, sizeof gpu->uuid, "%s", text);
    else if (!strcmp(line, "architecture")) gpu->architecture = strtoul(text, NULL, 10);
    else if (!strcmp(line, "capability")) sscanf(text, "%u %u", &gpu->major, &gpu->minor);
    else if (!strcmp(line, "limit_mw")) gpu->limit_mw = strtoul(text, NULL, 10);
    else if (!strcmp(line, "start_mj")) gpu->start_mj = strtoull(text, NULL, 10);
    else if (!strcmp(line, "window_s")) gpu->window_s = atof(text);
    else if (!strcmp(line, "lost")) read_fault(text, &gpu->lost);
    else if (!strcmp(line, "energy_fault")) read_fault(text, &gpu->energy);
    else if (!strcmp(line, "power_fault")) read_fault(text, &gpu->power);
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

static int read_machine(Machine *machine) {
    static char line[8192];
    const char *path = getenv("EFFMETER_FAKE_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    memset(machine, 0, sizeof *machine);
    machine->refresh_ns = 1;
    machine->now_ns = -1;
    if (!file) return DRIVER_NOT_LOADED;
    while (fgets(line, sizeof line, file)) read_line(machine, line);
    fclose(file);
    if (machine->now_ns < 0) machine->now_ns = run_clock_ns();
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

/* Finds a GPU and answers the fault, if any, that stands before everything else. */
static int find(const void *handle, Machine *machine, Gpu **gpu) {
    size_t number = (size_t)handle;
    int code = read_machine(machine);
    if (!initialised) return UNINITIALIZED;
    if (code) return code;
    if (number < 1 || number > (size_t)machine->gpu_count) return INVALID_ARGUMENT;
    *gpu = &machine->gpus[number - 1];
    return fault_now(&(*gpu)->lost, machine->now_ns);
}

int nvmlInitWithFlags(unsigned int flags) {
    Machine machine;
    int code = read_machine(&machine);
    (void)flags;
    if (!code) initialised++;
    return code;
}

int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

int nvmlShutdown(void) {
    if (!initialised) return UNINITIALIZED;
    initialised--;
    return SUCCESS;
}

const char *nvmlErrorString(int code) {
    return code == SUCCESS ? "Success" : "an error of the simulated library";
}

int nvmlSystemGetDriverVersion(char *text, unsigned int length) {
    snprintf(text, length, "550.54.15");
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned int *count) {
    Machine machine;
    int code = read_machine(&machine);
    if (!initialised) return UNINITIALIZED;
    *count = machine.gpu_count;
    return code;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) {
    Machine machine;
    Gpu *gpu;
    *handle = (void *)((size_t)index + 1);
    return find(*handle, &machine, &gpu);
}

int nvmlDeviceGetName(void *handle, char *text, unsigned int length) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (!code) snprintf(text, length, "%s", gpu->name);
    return code;
}

int nvmlDeviceGetUUID(void *handle, char *text, unsigned int length) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (!code) snprintf(text, length, "%s", gpu->uuid);
    return code;
}

int nvmlDeviceGetArchitecture(void *handle, unsigned int *architecture) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (!code) *architecture = gpu->architecture;
    return code;
}

int nvmlDeviceGetCudaComputeCapability(void *handle, int *major, int *minor) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (!code) *major = (int)gpu->major, *minor = (int)gpu->minor;
    return code;
}

int nvmlDeviceGetPowerManagementLimitConstraints(void *handle, unsigned int *least,
                                                 unsigned int *most) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (code) return code;
    if (!gpu->limit_mw) return 3; /* not supported */
    *least = gpu->limit_mw / 4;
    *most = gpu->limit_mw;
    return SUCCESS;
}

int nvmlDeviceGetTotalEnergyConsumption(void *handle, unsigned long long *energy_mj) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (!code) code = fault_now(&gpu->energy, machine.now_ns);
    if (!code)
        *energy_mj = gpu->start_mj
                     + (unsigned long long)(passed_j(&gpu->waveform, refreshed_s(&machine)) * 1e3);
    return code;
}

int nvmlDeviceGetPowerUsage(void *handle, unsigned int *power_mw) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (!code) code = fault_now(&gpu->power, machine.now_ns);
    if (code) return code;
    double t = refreshed_s(&machine);
    double since = t > gpu->window_s ? t - gpu->window_s : 0;
    double averaged_j = passed_j(&gpu->waveform, since + gpu->window_s)
                        - passed_j(&gpu->waveform, since);
    *power_mw = (unsigned int)(averaged_j / gpu->window_s * 1e3 + 0.5);
    return SUCCESS;
}
