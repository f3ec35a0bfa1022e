#pragma once
// Optimizers, learning-rate schedules and gradient clipping. Made by script/umbrella.

