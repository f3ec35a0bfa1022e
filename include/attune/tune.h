#pragma once
// Studies: search spaces, samplers, pruners and storages. Made by script/umbrella.

#include "attune/tune/event.h"
#include "attune/tune/history.h"
#include "attune/tune/param.h"
#include "attune/tune/pruner.h"
#include "attune/tune/sampler.h"
#include "attune/tune/space.h"
#include "attune/tune/storage.h"
#include "attune/tune/study.h"
#include "attune/tune/trial.h"
#include "attune/tune/value.h"
