# %% [markdown]
# # learning
# %%
import gridhaul as gh

episode = gh.run("tiny", "greedy", verify="off")
episode
# %%
gh.plot.dispatch(episode)
# %%
print("x")
